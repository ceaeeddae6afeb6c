"""What reading a file gives: a `Clip` for the model, a `MediaInfo` for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

Kind = Literal["video", "image", "audio"]
AudioStatus = Literal["present", "silent", "absent", "undecodable", "not_requested"]

_AUDIO_FACTS: dict[AudioStatus, str] = {
    "present": "there is sound",
    "silent": "the sound track is silent",
    "absent": "video has no audio track",
    "undecodable": "audio track could not be decoded",
    "not_requested": "sound was not read",
}


def audio_fact(kind: Kind, status: AudioStatus) -> str:
    """The state of the sound in words, to be shown to people."""
    if status == "absent" and kind == "image":
        return "an image has no sound"
    return _AUDIO_FACTS[status]


@dataclass(frozen=True, eq=False)
class Clip:
    """The frames and the sound of one file, or of the part of it that was asked for.

    Attributes:
        path: The file.
        kind: "video", "image" (one frame, no sound) or "audio" (no frames).
        frames: uint8 RGB, `(T, H, W, 3)`, rotated as a player would show them; None for "audio".
        frame_times_seconds: T times, sorted, counted from the first frame of the file.
        frames_per_second: Mean rate of the file, not of the sampled frames; None without video.
        duration_seconds: Length of the part that was read; 0.0 for an image.
        waveform: float32 `(channels, N)` at 16 kHz in [-1, 1], beginning at `start_seconds`;
            None unless `audio_status` is "present" or "silent".
        audio_status: Whether there is sound, and if not, why.
        warnings: Sentences about what was damaged or left out.
        start_seconds: Where in the file the part that was read begins.
    """

    path: Path
    kind: Kind
    frames: Tensor | None = None
    frame_times_seconds: tuple[float, ...] = ()
    frames_per_second: float | None = None
    duration_seconds: float = 0.0
    waveform: Tensor | None = None
    audio_status: AudioStatus = "not_requested"
    warnings: tuple[str, ...] = ()
    start_seconds: float = 0.0

    @property
    def audio_fact(self) -> str:
        """The state of the sound in words."""
        return audio_fact(self.kind, self.audio_status)


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a file, as its header describes it.

    Attributes:
        index: Position in the file.
        kind: "video", "audio", "subtitle", "data", "attachment".
        codec: Name of the codec, "unknown" if none can decode it.
        description: Size and rate of pictures, or rate and channels of sound.
        used: Whether the model gets this stream.
    """

    index: int
    kind: str
    codec: str
    description: str
    used: bool


@dataclass(frozen=True)
class MediaInfo:
    """What is in a file and what of it the model would get.

    Attributes:
        path: The file.
        kind: As in `Clip`.
        container: Name of the file format.
        duration_seconds: Length of the whole file.
        streams: All streams.
        frame_count: Frames in the video stream; 0 without one.
        frame_size: Height and width as shown, after rotation; None without video.
        frames_per_second: Mean rate; None without video.
        rotation_degrees: Clockwise turn that a player applies: 0, 90, 180 or 270.
        sampled_times_seconds: Times of the frames the model would see.
        audio_segments_seconds: Start and end of the segments the model would hear.
        audio_status: As in `Clip`.
        warnings: As in `Clip`.
    """

    path: Path
    kind: Kind
    container: str
    duration_seconds: float
    streams: tuple[StreamInfo, ...] = ()
    frame_count: int = 0
    frame_size: tuple[int, int] | None = None
    frames_per_second: float | None = None
    rotation_degrees: int = 0
    sampled_times_seconds: tuple[float, ...] = ()
    audio_segments_seconds: tuple[tuple[float, float], ...] = ()
    audio_status: AudioStatus = "not_requested"
    warnings: tuple[str, ...] = ()

    @property
    def audio_fact(self) -> str:
        """The state of the sound in words."""
        return audio_fact(self.kind, self.audio_status)
