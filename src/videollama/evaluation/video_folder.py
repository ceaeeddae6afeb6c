"""Where the videos of a benchmark are, and which are missing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from videollama.errors import DataError, InputError, MediaError
from videollama.media.clip import Clip
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.suffixes import MEDIA_SUFFIXES

NAMED_IN_MESSAGES = 10


class VideoFolder:
    """The media below a folder, by their names without suffix.

    Args:
        folder: Searched with all folders in it, once.

    Raises:
        DataError: It is no folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DataError(f"{folder} is no folder; name the one with the videos.")
        self.path = folder
        self._files: dict[str, list[Path]] = {}
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in MEDIA_SUFFIXES:
                self._files.setdefault(file.stem, []).append(file)

    def find(
        self, names: Iterable[str], fits: Callable[[Path], bool] = lambda _: True
    ) -> Path | None:
        """The first file with the first of these names, with or without suffix, that fits."""
        for name in names:
            for file in self._files.get(_stem(name), ()):
                if fits(file):
                    return file
        return None


class NamesVideo(Protocol):
    """A question of a benchmark."""

    @property
    def video(self) -> str:
        """The video as the annotations name it."""


@dataclass(frozen=True)
class Coverage:
    """How much of a benchmark can be asked.

    Attributes:
        num_videos: Videos that the annotations name.
        missing: Those that are not there, as the annotations name them.
        num_questions: Questions in the annotations.
        num_left_out: Questions about missing videos.
    """

    num_videos: int
    missing: tuple[str, ...]
    num_questions: int
    num_left_out: int

    def to_dict(self) -> dict[str, Any]:
        """What scripts want."""
        return {
            "videos": self.num_videos,
            "questions": self.num_questions,
            "questions left out": self.num_left_out,
            "missing": list(self.missing),
        }

    def sentence(self) -> str:
        """How many videos are missing, and the first of them."""
        first = ", ".join(self.missing[:NAMED_IN_MESSAGES])
        more = "" if len(self.missing) <= NAMED_IN_MESSAGES else ", …"
        return (
            f"{len(self.missing)} of {self.num_videos} videos are missing, with "
            f"{self.num_left_out} of {self.num_questions} questions: {first}{more}"
        )


@runtime_checkable
class Covered(Protocol):
    """A task that knows which of its videos are missing."""

    @property
    def coverage(self) -> Coverage:
        """How much of it can be asked."""


Question = TypeVar("Question", bound=NamesVideo)


def with_videos(
    questions: Sequence[Question], find: Callable[[Question], Path | None]
) -> tuple[list[tuple[Question, Path]], Coverage]:
    """The questions whose videos are there, and what is missing.

    Args:
        questions: All of them.
        find: Finds the video of one.
    """
    found: list[tuple[Question, Path]] = []
    named: dict[str, bool] = {}
    for question in questions:
        path = find(question)
        named[question.video] = path is not None
        if path is not None:
            found.append((question, path))
    missing = tuple(name for name, is_there in named.items() if not is_there)
    return found, Coverage(len(named), missing, len(questions), len(questions) - len(found))


def read_part(
    path: Path, num_frames: int, start_seconds: float | None, end_seconds: float | None
) -> Clip:
    """Frames and sound of a video, or of a part of it.

    Raises:
        MediaError: It cannot be read, or the part is not in it.
    """
    try:
        sampling = FrameSampling(num_frames, start_seconds=start_seconds, end_seconds=end_seconds)
        return read_clip(path, sampling)
    except InputError as error:
        raise MediaError(f"{path}: {error}") from error


def _stem(name: str) -> str:
    path = Path(name)
    return path.stem if path.suffix.lower() in MEDIA_SUFFIXES else path.name
