"""How many frames may be held in memory at once, and the refusal of more."""

from typing import TYPE_CHECKING

from videollama.errors import InputError
from videollama.media.frame_sampling import FrameSampling

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MOST_FRAME_BYTES = 2**29


def check_memory(count: int, height: int, width: int) -> None:
    """Refuses more frames than should be held at once.

    Raises:
        InputError: Says how many would be possible.
    """
    each = 3 * height * width
    if count * each > MOST_FRAME_BYTES:
        raise InputError(
            f"{count} frames of {width}x{height} need {count * each / 1e6:.0f} MB, and at most "
            f"{MOST_FRAME_BYTES / 1e6:.0f} MB are used; ask for at most {MOST_FRAME_BYTES // each} "
            "frames, or for a shorter part of the file."
        )


def check_expected_memory(
    container: "InputContainer",
    video: "VideoStream",
    sampling: FrameSampling,
    frame_size: tuple[int, int] | None,
) -> None:
    """Refuses what the header already shows to be too much, before minutes go into the sound.

    Args:
        container: The opened file.
        video: Its video stream.
        sampling: Which frames are wanted.
        frame_size: Height and width they are scaled to; None for those of the stream.

    Raises:
        InputError: As `check_memory`.
    """
    rate = float(video.average_rate or 0)
    seconds = (container.duration or 0) / 1e6
    if sampling.end_seconds is not None:
        seconds = min(seconds, sampling.end_seconds)
    seconds = max(0.0, seconds - (sampling.start_seconds or 0.0))
    wanted = sampling.num_frames
    if sampling.frames_per_second is not None:
        wanted = int(seconds * sampling.frames_per_second)
    height, width = frame_size or (video.height, video.width)
    check_memory(min(wanted, int(seconds * rate)), height, width)
