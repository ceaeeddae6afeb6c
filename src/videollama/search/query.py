"""From a sentence or a clip to the moments that fit it.

query ─ words (BM25) ──────────────────┐
clip ── picture vector, sound vector ──┤
query ─ ImageBind (released models) ───┴▶ candidates ─ likelihood of the query given each ─▶ hits

Words only choose candidates; the likelihood puts them in order. Where a clip was given as well, its
orders by picture and by sound are joined with that one by their ranks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from videollama.errors import InputError
from videollama.inference.engine import CAPTION_REQUEST
from videollama.inference.likelihood import ShownMedium, answer_log_likelihoods
from videollama.inference.messages import tokenizable
from videollama.prompts import Medium
from videollama.search.segment_store import SegmentStore

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama

NUM_CANDIDATES = 32
"""Segments that the model itself looks at again; more take longer."""

_RANK_OFFSET = 60  # of reciprocal rank fusion (Cormack et al. 2009)
_PICTURE_QUESTION = "Describe the picture."
_SHOWN = ("id", "content", "start_seconds", "end_seconds", "caption", "heard", "thumbnail")
_READ = ("kind", "frame_times_seconds", "video_tokens", "audio_tokens")
_COLUMNS = (*_SHOWN, *_READ)


@dataclass(frozen=True)
class Hit:
    """A segment that fits.

    Attributes:
        files: Where it is; several for copies of one file.
        start_seconds: Where in the file it begins.
        end_seconds: Where it ends; the same for a still.
        caption: What the model says is seen; None without a picture.
        heard: The sound that the model names; None where it names none.
        words: Words of the query that the caption or the sound's name holds, in some form.
        likelihood_gain: By how much likelier the model finds every word (token) of the query for
            knowing this segment, as a factor; None where there was no query.
        picture_likeness: Cosine between the picture's vector and the given clip's, or the query's
            where a released model embeds it, -1 to 1; None where it was not found by it.
        sound_likeness: The same of the sound.
        thumbnail: A JPEG file; None without a picture.
    """

    files: tuple[str, ...]
    start_seconds: float
    end_seconds: float
    caption: str | None
    heard: str | None
    words: tuple[str, ...] = ()
    likelihood_gain: float | None = None
    picture_likeness: float | None = None
    sound_likeness: float | None = None
    thumbnail: bytes | None = field(default=None, repr=False)

    @property
    def reason(self) -> str:
        """Why it was found, in words."""
        return " · ".join(self.reasons)

    @property
    def reasons(self) -> list[str]:
        """The same, each by itself."""
        parts = []
        if self.words:
            parts.append("words: " + ", ".join(self.words))
        if self.likelihood_gain is not None:
            parts.append(f"likelihood x {self.likelihood_gain:.2f}")
        if self.picture_likeness is not None:
            parts.append(f"looks alike {self.picture_likeness:.2f}")
        if self.sound_likeness is not None:
            parts.append(f"sounds alike {self.sound_likeness:.2f}")
        return parts

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists, strings and numbers, ready for JSON; without the picture."""
        numbers = {
            name: None if value is None else round(value, 4)
            for name, value in (
                ("likelihood_gain", self.likelihood_gain),
                ("picture_likeness", self.picture_likeness),
                ("sound_likeness", self.sound_likeness),
            )
        }
        return {
            "files": list(self.files),
            "start_seconds": round(self.start_seconds, 3),
            "end_seconds": round(self.end_seconds, 3),
            "caption": self.caption,
            "heard": self.heard,
            "words": list(self.words),
            **numbers,
            "reason": self.reason,
        }


def said_in(hits: Sequence[Hit]) -> str:
    """All that the model says of the hits, a line each; what guards read."""
    said = [text for hit in hits for text in (hit.caption, hit.heard) if text]
    return "\n".join(dict.fromkeys(said))


@dataclass(frozen=True)
class WantedVectors:
    """What hits shall be near: a clip, or for released models a sentence in ImageBind's space.

    Attributes:
        picture: `(D,)`; None without a picture.
        sound: `(D,)`; None without sound.
    """

    picture: np.ndarray | None = None
    sound: np.ndarray | None = None


def require_query(query: str | None, *, has_clip: bool) -> str | None:
    """The query without blanks around it; None where a clip alone is searched with.

    Raises:
        InputError: There is nothing to search for.
    """
    if query is None and has_clip:
        return None
    if query is None or not re.search(r"\w", query):
        raise InputError(
            f"The query {query or ''!r} holds no word; describe what to find, "
            "for example 'a dog on a beach'."
        )
    return " ".join(tokenizable(query).split())


def find(
    assistant: "VideoLlama",
    store: SegmentStore,
    query: str | None,
    near: Sequence[WantedVectors] = (),
    *,
    limit: int = 10,
) -> list[Hit]:
    """The segments that fit best, best first.

    Args:
        assistant: The model that the library was made with.
        store: The library.
        query: What shall be seen or heard, as `require_query` gave it.
        near: What hits shall be near to.
        limit: How many at most.
    """
    num_candidates = max(NUM_CANDIDATES, limit)
    rows: dict[str, dict[str, Any]] = {}
    orders: list[list[str]] = []
    likeness: dict[str, dict[str, float]] = {}
    for each in near:
        for column, vector in (("picture_vector", each.picture), ("sound_vector", each.sound)):
            if vector is not None:
                found = store.find_vector(column, vector, _COLUMNS, num_candidates)
                rows |= {row["id"]: row for row in found}
                orders.append([row["id"] for row in found])
                near_by = {row["id"]: 1 - row["_distance"] for row in found}
                likeness[column] = near_by | likeness.get(column, {})
    if query is not None:
        found = store.find_words(query, _COLUMNS, num_candidates)
        rows |= {row["id"]: row for row in found}
    if query is not None and len(rows) < num_candidates:
        others = store.all_segments(_COLUMNS, num_candidates)
        rows |= {row["id"]: row for row in others[: num_candidates - len(rows)]}
    gains: dict[str, float] = {}
    if query is not None and rows:
        gains = dict(zip(rows, _gains(assistant, list(rows.values()), query), strict=True))
        orders.append(sorted(gains, key=lambda name: -gains[name]))
    files = store.paths_of({row["content"] for row in rows.values()})
    best = [name for name in _fused(orders) if rows[name]["content"] in files][:limit]
    words = _matched_words(store, query, best) if query is not None and best else {}
    return [
        _hit(rows[name], files, words.get(name, ()), gains.get(name), likeness) for name in best
    ]


def _hit(
    row: dict[str, Any],
    files: dict[str, list[str]],
    words: tuple[str, ...],
    gain: float | None,
    likeness: dict[str, dict[str, float]],
) -> Hit:
    return Hit(
        files=tuple(files[row["content"]]),
        start_seconds=row["start_seconds"],
        end_seconds=row["end_seconds"],
        caption=row["caption"],
        heard=row["heard"],
        words=words,
        likelihood_gain=gain,
        picture_likeness=likeness.get("picture_vector", {}).get(row["id"]),
        sound_likeness=likeness.get("sound_vector", {}).get(row["id"]),
        thumbnail=row["thumbnail"],
    )


def _gains(assistant: "VideoLlama", rows: Sequence[dict[str, Any]], query: str) -> list[float]:
    """By which factor each token of the query is likelier with a segment than without any."""
    width = assistant.model.config.text_config.hidden_size
    gains = [1.0] * len(rows)
    for question in (_PICTURE_QUESTION, CAPTION_REQUEST):
        places = [place for place, row in enumerate(rows) if _question(row) == question]
        if not places:
            continue
        shown = [None, *(shown_medium(rows[place], width) for place in places)]
        blind, *known = answer_log_likelihoods(assistant, shown, question, query)
        for place, each in zip(places, known, strict=True):
            gains[place] = float(np.exp(each - blind))
    return gains


def _question(row: dict[str, Any]) -> str:
    return _PICTURE_QUESTION if row["kind"] == "image" else CAPTION_REQUEST


def shown_medium(row: dict[str, Any], width: int) -> ShownMedium:
    """A segment as it stands in a prompt, from its row alone.

    Args:
        row: With the columns kind, frame_times_seconds, video_tokens and audio_tokens.
        width: Of a token.
    """
    video, audio = (_tokens(row[name], width) for name in ("video_tokens", "audio_tokens"))
    return ShownMedium(
        Medium(
            kind=cast("Literal['video', 'image', 'audio']", row["kind"]),
            has_picture=video is not None,
            audio_status="not_requested" if audio is None else "present",
            frame_times_seconds=tuple(row["frame_times_seconds"] or ()),
        ),
        video,
        audio,
    )


def _tokens(stored: bytes | None, width: int) -> Tensor | None:
    if stored is None:
        return None
    values = np.frombuffer(stored, dtype=np.float16).reshape(-1, width)
    return torch.from_numpy(values.astype(np.float32))


def _fused(orders: Sequence[Sequence[str]]) -> list[str]:
    """Joins orders by the sum of 1 / (60 + rank)."""
    scores: dict[str, float] = {}
    for order in orders:
        for rank, name in enumerate(order, start=1):
            scores[name] = scores.get(name, 0.0) + 1 / (_RANK_OFFSET + rank)
    return sorted(scores, key=lambda name: -scores[name])


def _matched_words(
    store: SegmentStore, query: str, names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Which words of the query each segment holds, by the stems that the index itself compares."""
    found: dict[str, tuple[str, ...]] = {}
    quoted = ", ".join(f"'{name}'" for name in names)
    for word in dict.fromkeys(re.findall(r"\w+", query.lower())):
        for row in store.find_words(word, ["id"], len(names), where=f"id IN ({quoted})"):
            found[row["id"]] = (*found.get(row["id"], ()), word)
    return found
