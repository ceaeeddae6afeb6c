"""Images as clips: a still is one frame, an animation is a video without sound."""

from collections.abc import Sequence

from videollama.media import pictures
from videollama.media.clip import Clip, MediaInfo, StreamInfo
from videollama.media.frame_memory import check_memory
from videollama.media.frame_sampling import FrameSampling, sampled_indices


def _picture_indices(picture: pictures.Picture, sampling: FrameSampling) -> Sequence[int]:
    if not picture.is_animated:
        return [0]
    return sampled_indices(picture.frame_times_seconds, picture.duration_seconds, sampling)


def read_picture(
    picture: pictures.Picture, sampling: FrameSampling, frame_size: tuple[int, int] | None
) -> Clip:
    """Decodes the wanted frames; arguments and errors are those of `read_clip`."""
    indices = _picture_indices(picture, sampling)
    check_memory(len(indices), *(frame_size or picture.size))
    frames = pictures.read_frames(picture, indices, frame_size)
    start, end = (
        (0.0, 0.0) if not picture.is_animated else sampling.window(picture.duration_seconds)
    )
    return Clip(
        path=picture.path,
        kind="video" if picture.is_animated else "image",
        frames=frames,
        frame_times_seconds=tuple(picture.frame_times_seconds[index] for index in indices),
        frames_per_second=picture.frames_per_second,
        duration_seconds=end - start,
        audio_status="absent",
        warnings=picture.warnings,
        start_seconds=start,
    )


def probe_picture(picture: pictures.Picture, sampling: FrameSampling) -> MediaInfo:
    """Tells what the header holds; arguments and errors are those of `probe`."""
    indices = _picture_indices(picture, sampling)
    text = f"{picture.size[1]}x{picture.size[0]}"
    return MediaInfo(
        path=picture.path,
        kind="video" if picture.is_animated else "image",
        container=picture.format.lower(),
        duration_seconds=picture.duration_seconds,
        streams=(StreamInfo(0, "video", picture.format.lower(), text, True),),
        frame_count=len(picture.frame_times_seconds),
        frame_size=picture.size,
        frames_per_second=picture.frames_per_second,
        sampled_times_seconds=tuple(picture.frame_times_seconds[index] for index in indices),
        audio_status="absent",
        warnings=picture.warnings,
    )
