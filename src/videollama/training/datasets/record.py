"""The one form that every format is read into: media, then questions with their answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from videollama.errors import DataError
from videollama.media.clip import Kind

MARKS: dict[Kind, str] = {"video": "<video>", "image": "<image>", "audio": "<audio>"}


@dataclass(frozen=True)
class Medium:
    """A file that is asked about; it may not exist.

    Attributes:
        kind: What it is used as: a video file used as "audio" is only heard.
        path: The file.
        start_seconds: Where the part that is meant begins; None: at the beginning.
        end_seconds: Where it ends; None: at the end.
    """

    kind: Kind
    path: Path
    start_seconds: float | None = None
    end_seconds: float | None = None


@dataclass(frozen=True)
class Turn:
    """A question and its answer.

    Attributes:
        question: Its marks, "<video>", "<image>" and "<audio>", say where media belong. Without any
            other text the answer is a caption.
        answer: What is learned.
    """

    question: str
    answer: str


@dataclass(frozen=True)
class Sample:
    """One conversation about some media.

    Attributes:
        media: The n-th mark of a kind means the n-th medium of that kind.
        turns: At least one.
        split: "train", "val", "test", or what the data call it.
        origin: Where it stands, for messages: "train.csv, line 7".
        system: An instruction in front of the conversation, or "".
    """

    media: tuple[Medium, ...]
    turns: tuple[Turn, ...]
    split: str
    origin: str
    system: str = ""


@dataclass(frozen=True)
class Place:
    """Where an entry stands, and where its media are.

    Attributes:
        origin: File and line or item.
        split: The split of the file.
        media: Folder below which file names are sought.
    """

    origin: str
    split: str
    media: Path

    def find(self, *names: str) -> Path:
        """The first of these files that is there, else the first.

        Raises:
            DataError: The first is an address.
        """
        if "://" in names[0]:
            raise DataError(f"{names[0]} is an address; only local files are read: download it.")
        paths = [self.media / name for name in names]
        return next((path for path in paths if _is_there(path)), paths[0])


def sample(
    place: Place,
    media: Sequence[Medium],
    turns: Sequence[Turn],
    *,
    split: object = None,
    system: str = "",
) -> Sample:
    """Put a sample together and make sure that it is whole.

    Without any mark, all media stand before the first question. Data about one video or sound may
    call it "<image>", as LLaVA's do.

    Args:
        place: Where the entry stands.
        media: What is asked about.
        turns: Questions and answers.
        split: The entry's own word for its split, if it has one.
        system: An instruction in front of the conversation.

    Raises:
        DataError: No media, a part of one that cannot be, no turns, an empty answer, or marks that
            do not fit the media.
    """
    if not media:
        raise DataError("names no video, picture or sound")
    for medium in media:
        start, end = medium.start_seconds or 0.0, medium.end_seconds
        if not 0 <= start < (inf if end is None else end):
            raise DataError(f"means the part from {start} to {end} s, which is none")
    if not turns:
        raise DataError("has no question and answer")
    for number, turn in enumerate(turns, start=1):
        if not turn.answer.strip():
            raise DataError(f"answer {number} is empty")
    texts = [system, str(split), *(text for turn in turns for text in (turn.question, turn.answer))]
    if not all(map(_is_text, (*texts, *(str(medium.path) for medium in media)))):
        raise DataError("holds half a character, which no text can")
    questions = [turn.question for turn in turns]
    marks = {kind: sum(text.count(MARKS[kind]) for text in questions) for kind in MARKS}
    wanted = Counter(medium.kind for medium in media)
    if not any(marks.values()):
        shown = "\n".join(MARKS[medium.kind] for medium in media)
        questions[0] = f"{shown}\n{questions[0]}" if questions[0].strip() else shown
    elif len(media) == 1 and marks == {"video": 0, "image": 1, "audio": 0}:
        own = MARKS[media[0].kind]
        questions = [text.replace(MARKS["image"], own) for text in questions]
    else:
        _require_marks(marks, wanted)
    return Sample(
        media=tuple(media),
        turns=tuple(
            replace(turn, question=text) for turn, text in zip(turns, questions, strict=True)
        ),
        split=split_name(str(split)) if split else place.split,
        origin=place.origin,
        system=system,
    )


def without_marks(question: str) -> str:
    """A question's own text."""
    for mark in MARKS.values():
        question = question.replace(mark, "")
    return question.strip()


def text_of(entry: Mapping[str, Any], field: str) -> str:
    """The text in a field; numbers are taken for text.

    Raises:
        DataError: It is missing, empty or something else.
    """
    value = entry.get(field)
    if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
        return str(value).strip()
    if field not in entry:
        raise DataError(f"has no field {field!r}, only {', '.join(map(str, entry))}")
    raise DataError(f"field {field!r} holds no text: {value!r:.60}")


_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def split_name(word: str) -> str:
    """A split's usual name: "validation" is "val"; other words stay as they are."""
    word = word.strip()
    return _SPLITS.get(word.lower(), word)


def split_in(name: str) -> str:
    """The split that a file's name tells, as in "results_10M_val.csv"; otherwise "train"."""
    letters = "".join(letter if letter.isalpha() else " " for letter in name.lower())
    return next((_SPLITS[word] for word in letters.split() if word in _SPLITS), "train")


def _require_marks(marks: Mapping[Kind, int], wanted: Mapping[Kind, int]) -> None:
    for kind, mark in MARKS.items():
        if marks[kind] != wanted.get(kind, 0):
            raise DataError(
                f"names {wanted.get(kind, 0)} of the kind {kind}, but its questions hold {mark} "
                f"{marks[kind]} times"
            )


def _is_text(text: str) -> bool:
    """Whether there are no surrogates in it, but for those of file names in another encoding."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False
