"""A file in, frames with their times and the sound out; through PyAV, or Pillow for images."""

from pathlib import Path
from typing import TYPE_CHECKING

from videollama.errors import MediaError
from videollama.media import pictures, video_track
from videollama.media.audio import SAMPLE_RATE
from videollama.media.clip import Clip, MediaInfo
from videollama.media.container import local_file
from videollama.media.encoder_inputs import SEGMENT_SAMPLES, covering_starts
from videollama.media.file_scan import FoundMedia, scan_file
from videollama.media.frame_memory import check_memory
from videollama.media.frame_sampling import FrameSampling, sampled_indices, wanted_range
from videollama.media.picture_clips import probe_picture, read_picture
from videollama.media.scenes import find_scenes

if TYPE_CHECKING:
    from torch import Tensor

_ALL = FrameSampling()
_PROBED_SIZE = (260, 260)  # what the built-in model sees


def read_clip(
    path: str | Path,
    sampling: FrameSampling = _ALL,
    *,
    frame_size: tuple[int, int] | None = None,
    want_audio: bool = True,
) -> Clip:
    """Reads the sampled frames and the sound of a video, image or sound file.

    Args:
        path: A local file.
        sampling: Which frames, and which part of the file.
        frame_size: Height and width that frames are scaled to while decoding, without regard to
            their shape, as the original does; None keeps the size of the file.
        want_audio: Whether to decode the sound.

    Returns:
        Frames and sound; what was damaged is told in `warnings`.

    Raises:
        MediaError: Nothing in the file can be seen or heard.
        InputError: The sampling does not fit the file, or would need too much memory.
    """
    file = local_file(path)
    picture = pictures.recognise(file)
    if picture is not None:
        return read_picture(picture, sampling, frame_size)
    found = scan_file(file, sampling, want_audio, frame_size)
    frames: Tensor | None = None
    times: tuple[float, ...] = ()
    if found.timeline is not None and found.stream_index is not None:
        indices = _indices(file, found, sampling, frame_size or found.size)
        try:
            frames, replaced = video_track.read_frames(
                file, found.stream_index, found.timeline, indices, frame_size
            )
        except MediaError:
            if found.waveform is None:
                raise
            found.warnings.append("the picture could not be decoded; only the sound was read")
        else:
            times = tuple(found.timeline.times_seconds[index] for index in indices)
            if replaced:
                found.warnings.append(
                    f"{replaced} of {len(indices)} sampled frames are damaged; "
                    "each shows the frame before"
                )
    if frames is None and found.waveform is None:
        raise MediaError(f"{file} holds nothing that can be seen or heard; check it in a player.")
    start, end = sampling.window(found.duration_seconds)
    return Clip(
        path=file,
        kind="audio" if frames is None else "video",
        frames=frames,
        frame_times_seconds=times,
        frames_per_second=None if frames is None else found.frames_per_second,
        duration_seconds=end - start,
        waveform=found.waveform,
        audio_status=found.audio_status,
        warnings=tuple(found.warnings),
        start_seconds=start,
    )


def probe(
    path: str | Path,
    sampling: FrameSampling = _ALL,
    *,
    max_segments: int = 8,
) -> MediaInfo:
    """Tells what is in a file and what of it the built-in model would get.

    Pictures are not decoded, unless scenes have to be found.

    Args:
        path: A local file.
        sampling: Which frames, and which part of the file.
        max_segments: Segments of sound, of 2 s, that the model hears at most.

    Returns:
        Streams, sampled times and the state of the sound.

    Raises:
        MediaError: Nothing in the file can be seen or heard.
        InputError: The sampling does not fit the file.
    """
    file = local_file(path)
    picture = pictures.recognise(file)
    if picture is not None:
        return probe_picture(picture, sampling)
    found = scan_file(file, sampling, want_audio=True, frame_size=_PROBED_SIZE)
    if found.timeline is None and found.waveform is None:
        raise MediaError(f"{file} holds nothing that can be seen or heard; check it in a player.")
    times: tuple[float, ...] = ()
    if found.timeline is not None:
        indices = _indices(file, found, sampling, _PROBED_SIZE)
        times = tuple(found.timeline.times_seconds[index] for index in indices)
    segments: tuple[tuple[float, float], ...] = ()
    start, _ = sampling.window(found.duration_seconds)
    if found.waveform is not None and found.audio_status == "present":
        length = found.waveform.shape[1]
        segments = tuple(
            (start + a / SAMPLE_RATE, start + min(a + SEGMENT_SAMPLES, length) / SAMPLE_RATE)
            for a in covering_starts(length, max_segments)
        )
    return MediaInfo(
        path=file,
        kind="audio" if found.timeline is None else "video",
        container=found.container,
        duration_seconds=found.duration_seconds,
        streams=found.streams,
        frame_count=len(found.timeline.stamps) if found.timeline else 0,
        frame_size=found.size,
        frames_per_second=found.frames_per_second,
        rotation_degrees=found.rotation_degrees,
        sampled_times_seconds=times,
        audio_segments_seconds=segments,
        audio_status=found.audio_status,
        warnings=tuple(found.warnings),
    )


def _indices(
    file: Path, found: FoundMedia, sampling: FrameSampling, size: tuple[int, int] | None
) -> list[int]:
    """Wanted frames, if they fit into memory."""
    assert found.timeline is not None
    times, seconds = found.timeline.times_seconds, found.timeline.duration_seconds
    scene_starts: list[int] = []
    if sampling.method == "scenes" and found.stream_index is not None:
        first, stop = wanted_range(times, seconds, sampling)
        if first < stop:
            scene_starts = find_scenes(file, found.stream_index, found.timeline, first, stop)
    indices = sampled_indices(times, seconds, sampling, scene_starts)
    height, width = size or (0, 0)
    check_memory(len(indices), height, width)
    return indices
