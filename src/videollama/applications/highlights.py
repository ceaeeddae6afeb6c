"""The moments of a video that fit a query best.

video -> analyze -> segments, each scored -> the best that fit into the seconds -> Highlights
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from videollama.applications.analysis import Analysis, Segment, analyze
from videollama.applications.query_words import content_words, words_in_common
from videollama.errors import InputError, MediaError
from videollama.inference.segments import HEARING_QUESTION, UnderstoodSegment
from videollama.media.overview import Overview, look_over
from videollama.media.segmentation import SHORTEST_SEGMENT_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from videollama.inference.engine import VideoLlama
    from videollama.media.clip import Clip

_LONGEST_QUERY_CHARACTERS = 200
_SHARE_OF_BEST = 0.5  # what scores less is, beside the best, mostly chance
_LATE_BORDER_SECONDS = 0.25  # a border is found up to so late; `write_cut` seeks it exactly
_WORDS_WEIGHT = 1.0  # all words of the query said: as good as e times the likelihood of each token


@dataclass(frozen=True)
class Moment:
    """A segment of a video and how well it fits the query.

    Attributes:
        start_seconds: Where it begins, counted from the first frame.
        end_seconds: Where it ends.
        score: Sum of the three below; 0 is the film's average, more is better.
        picture: By how much likelier the model finds each token of the query as a description of
            this picture than on average over the film, in nats.
        sound: The same for what is heard; 0 where nothing is.
        words: The query's words that the model uses itself when it tells what is seen and heard.
        seen: What the model sees there.
        heard: What it hears.
    """

    start_seconds: float
    end_seconds: float
    score: float
    picture: float
    sound: float
    words: tuple[str, ...]
    seen: str | None
    heard: str | None

    @property
    def reason(self) -> str:
        """Why it was taken or not, in one line."""
        parts = [f"picture {self.picture:+.2f}", f"sound {self.sound:+.2f}"]
        if self.words:
            parts.append(f"says {', '.join(self.words)}")
        said = " ".join(text for text in (self.seen, self.heard) if text)
        return f"{', '.join(parts)}: {said}" if said else ", ".join(parts)


@dataclass(frozen=True)
class Highlights:
    """The best moments of a video.

    Attributes:
        path: The video.
        query: What was looked for.
        seconds: How much was wanted.
        moments: What is taken, in the order of the film; they do not overlap.
        segments: Every segment with its score, in order.
        warnings: What was odd about the file.
    """

    path: str
    query: str
    seconds: float
    moments: tuple[Moment, ...]
    segments: tuple[Moment, ...]
    warnings: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """All that the model says in it, a line each; what guards read."""
        said = [text for each in self.segments for text in (each.seen, each.heard) if text]
        return "\n".join(dict.fromkeys(said))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists, strings and numbers, ready for JSON."""
        facts = asdict(self)
        for name, moments in (("moments", self.moments), ("segments", self.segments)):
            facts[name] = [{**asdict(each), "reason": each.reason} for each in moments]
        return facts


def find_highlights(
    assistant: "VideoLlama",
    file: "str | Path | Overview",
    query: str,
    *,
    seconds: float = 30.0,
    num_frames: int = 8,
    batch_size: int = 4,
    on_progress: Callable[[int, int], None] | None = None,
) -> Highlights:
    """Looks for the moments that a query describes.

    Args:
        assistant: A loaded model.
        file: A video, or what `look_over` told of one.
        query: What is wanted, in English: "a dog runs", "applause".
        seconds: How much of the video is wanted at most.
        num_frames: Frames to look at in each segment.
        batch_size: Segments per pass of the decoder.
        on_progress: Called with the segments that are done and all of them.

    Raises:
        MediaError: The file is no video.
        InputError: The query holds no word, or a number makes no sense.
        LanguageError: The query is in a language that the model does not know.
    """
    overview = file if isinstance(file, Overview) else look_over(file)
    require_askable(overview, query, seconds)
    assistant.processor.require_known_language(query)
    pictures: list[float | None] = []
    sounds: list[float | None] = []

    def score(segment: UnderstoodSegment) -> None:
        from videollama.inference.engine import CAPTION_REQUEST

        words = query.strip().rstrip(".")
        description = f"{words[0].upper()}{words[1:]}."
        pictures.append(_likelihood(assistant, segment.picture, CAPTION_REQUEST, description))
        sounds.append(_likelihood(assistant, segment.sound, HEARING_QUESTION, f"I hear {words}."))

    analysis = analyze(
        assistant,
        overview,
        num_frames=num_frames,
        batch_size=batch_size,
        on_progress=on_progress,
        on_segment=score,
    )
    segments = _scored(analysis, query, _against_mean(pictures), _against_mean(sounds))
    shown = [each for each in segments if each.start_seconds < overview.picture_seconds]
    return Highlights(
        path=analysis.path,
        query=query,
        seconds=seconds,
        moments=tuple(choose(shown, seconds)),
        segments=tuple(segments),
        warnings=analysis.warnings,
    )


def require_askable(overview: Overview, query: str, seconds: float) -> None:
    """Refuses what cannot be answered, before a model is loaded.

    Raises:
        MediaError: The file is no video with more than one frame.
        InputError: The query holds no word or is too long, or the seconds make no sense.
    """
    if not any(letter.isalpha() for letter in query):
        raise InputError(f"The query {query!r} holds no word; say what to look for: 'a dog runs'.")
    if len(query) > _LONGEST_QUERY_CHARACTERS:
        raise InputError(
            f"The query has {len(query)} characters, but {_LONGEST_QUERY_CHARACTERS} are the most; "
            "describe one moment in a few words."
        )
    if overview.kind != "video":
        what = "a picture" if overview.kind == "image" else "a sound without a picture"
        raise MediaError(f"{overview.path} is {what}; only videos have moments to cut.")
    if overview.num_frames == 0:
        raise MediaError(f"{overview.path} is an animated picture; make a video of it first.")
    if overview.num_frames == 1:
        raise MediaError(f"{overview.path} has one frame only; there is nothing to cut.")
    if not seconds > 0:
        raise InputError(f"{seconds:g} s are wanted, but it must be more than 0.")
    if seconds > overview.picture_seconds:
        raise InputError(
            f"{seconds:g} s are wanted, but {overview.path} lasts {overview.picture_seconds:.1f} s "
            "only; ask for less."
        )


def choose(scored: Sequence[Moment], seconds: float) -> list[Moment]:
    """The best moments, as many as fit.

    The best one is always taken, others if they are better than the film's average and score at
    least half as much as the best. Of one that does not fit, the beginning is taken, if two seconds
    or more are left for it.

    Args:
        scored: Segments of a video, none into another.
        seconds: How long all of them may be together; a quarter of a second more is taken, because
            borders are known no better before they are cut at.

    Returns:
        In the order of the film.
    """
    chosen: list[Moment] = []
    left, best = seconds, max((moment.score for moment in scored), default=0.0)
    for each in sorted(scored, key=lambda moment: -moment.score):
        length = min(each.end_seconds - each.start_seconds, left)
        if each.end_seconds - each.start_seconds - left < _LATE_BORDER_SECONDS:
            length = each.end_seconds - each.start_seconds
        is_worth_it = each.score > 0 and each.score >= _SHARE_OF_BEST * best
        if chosen and not (is_worth_it and length >= SHORTEST_SEGMENT_SECONDS):
            continue
        chosen.append(_beginning(each, length))
        left -= length
    return sorted(chosen, key=lambda moment: moment.start_seconds)


def _beginning(moment: Moment, length: float) -> Moment:
    if moment.end_seconds - moment.start_seconds <= length:
        return moment
    return replace(moment, end_seconds=moment.start_seconds + length)


def _likelihood(
    assistant: "VideoLlama", clip: "Clip | None", question: str, answer: str
) -> float | None:
    """Of the answer, where there is a clip."""
    from videollama.inference.likelihood import answer_log_likelihoods, show

    if clip is None:
        return None
    shown = show(assistant.encoder, clip)
    return answer_log_likelihoods(assistant, [shown], question, answer)[0]


def _against_mean(values: Sequence[float | None]) -> list[float]:
    """Each value without the mean of all; 0 where there is none."""
    there = [value for value in values if value is not None]
    mean = fmean(there) if there else 0.0
    return [0.0 if value is None else value - mean for value in values]


def _scored(
    analysis: Analysis, query: str, pictures: Sequence[float], sounds: Sequence[float]
) -> list[Moment]:
    wanted = max(1, len(content_words(query)))
    moments = []
    for segment, picture, sound in zip(analysis.segments, pictures, sounds, strict=True):
        words = words_in_common(query, _said(segment))
        moments.append(
            Moment(
                start_seconds=segment.start_seconds,
                end_seconds=segment.end_seconds,
                score=picture + sound + _WORDS_WEIGHT * len(words) / wanted,
                picture=picture,
                sound=sound,
                words=words,
                seen=segment.seen.text if segment.seen else None,
                heard=segment.heard.text if segment.heard else None,
            )
        )
    return moments


def _said(segment: Segment) -> str:
    return " ".join(each.text for each in (segment.seen, segment.heard) if each is not None)
