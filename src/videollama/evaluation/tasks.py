"""What a task is: questions about clips, each with its truth, and a way to judge the answers."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import torch

from videollama.errors import MediaError
from videollama.media.clip import Clip
from videollama.media.composition import pan_zoom
from videollama.media.decode import read_clip

SECONDS_PER_FRAME = 0.5
"""Time between the frames of a composed clip."""


@dataclass(frozen=True)
class Sample:
    """One question about one clip.

    Attributes:
        id: The same in every run with the same data and seed.
        question: What the model is asked.
        truth: What the answer is compared with; goes into JSON as it is.
        open_clip: Opens or composes the clip; may raise `MediaError`.
        group: What kind of question it is, where a task has several.
        options: Texts of which the likeliest is the answer; empty where the answer is written.
    """

    id: str
    question: str
    truth: Any
    open_clip: Callable[[], Clip]
    group: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scores:
    """What the answers to a task are worth.

    Attributes:
        numbers: Per cent by name, the most important first.
        per_sample: Score of each answer in per cent, in the order judged; None where there is none.
        margin: Half the 95 % interval of the first number, in per cent.
        grades: Means of what a judge gave, from 0 to 5, by name.
        left_out: Numbers that could not be had here, each with a sentence that says why.
    """

    numbers: dict[str, float]
    per_sample: tuple[float | None, ...]
    margin: float
    grades: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class Task(Protocol):
    """A list of questions and their judge."""

    @property
    def name(self) -> str:
        """The word on the command line."""

    @property
    def source(self) -> str:
        """Which part of the data was taken, for people: "split val"."""

    @property
    def samples(self) -> Sequence[Sample]:
        """The questions, in order."""

    @property
    def max_new_tokens(self) -> int:
        """The longest answer that makes sense."""

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Score the answers to `samples`, a part of `self.samples`."""


def share_by_group(
    title: str, samples: Sequence[Sample], per_sample: Sequence[float]
) -> dict[str, float]:
    """The mean score of each group, "title, group", in alphabetical order; none if all are one."""
    groups: dict[str, list[float]] = {}
    for sample, score in zip(samples, per_sample, strict=True):
        groups.setdefault(sample.group, []).append(score)
    if len(groups) < 2:
        return {}
    return {f"{title}, {name}": fmean(groups[name]) for name in sorted(groups)}


def seed_of(seed: int, sample_id: str) -> int:
    """A seed of its own for every sample, so that no sample depends on those before it."""
    return zlib.crc32(f"{seed}/{sample_id}".encode())


def photo_clip(path: Path, num_frames: int, seed: int) -> Clip:
    """A photo as one picture, or as a video without sound track that pans over it.

    Args:
        path: The photo.
        num_frames: 1 gives the photo itself.
        seed: Of the camera's path.

    Raises:
        MediaError: If the photo cannot be read.
    """
    clip = read_clip(path, want_audio=False)
    if num_frames == 1 or clip.frames is None:
        return clip
    generator = torch.Generator().manual_seed(seed)
    return silent_video(path, pan_zoom(clip.frames[0], num_frames, generator, smallest_crop=0.9))


def still_of(path: Path) -> torch.Tensor:
    """The picture of a photo, uint8 (H, W, 3); of a video the first frame.

    Raises:
        MediaError: If there is no picture in the file.
    """
    clip = read_clip(path, want_audio=False)
    if clip.frames is None:
        raise MediaError(f"{path} shows no picture.")
    return clip.frames[0]


def silent_video(path: Path, frames: torch.Tensor) -> Clip:
    """A video without sound track from uint8 frames (T, H, W, 3)."""
    num_frames = len(frames)
    return Clip(
        path=path,
        kind="video",
        frames=frames,
        frame_times_seconds=tuple(index * SECONDS_PER_FRAME for index in range(num_frames)),
        frames_per_second=1.0 / SECONDS_PER_FRAME,
        duration_seconds=num_frames * SECONDS_PER_FRAME,
        audio_status="absent",
    )
