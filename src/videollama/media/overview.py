"""A whole file at a glance, of any length: its cuts and where it can be heard; then its parts.

look_over(file) -> Overview          two walks, of which nothing large is kept
read_pictures(overview, …) -> Clip   the frames of one part
read_sounds(overview, …) -> Clips    the sound of parts that follow one another
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from videollama.errors import MediaError
from videollama.media import pictures, video_track
from videollama.media.audio import FRAME_LENGTH
from videollama.media.clip import AudioStatus, Clip, Kind
from videollama.media.container import local_file
from videollama.media.decode import read_clip
from videollama.media.file_scan import FoundMedia, scan_file
from videollama.media.frame_sampling import FrameSampling, sampled_indices
from videollama.media.scenes import find_scenes
from videollama.media.sound_levels import LevelMeter, SoundLevels
from videollama.media.sound_windows import sound_windows

ReadPart = Callable[[FrameSampling, tuple[int, int], bool], Clip]
_SCAN_FRAME_SIZE = (64, 64)  # no frame is kept while looking for cuts
_SOUND_ONLY = (16, 16)  # of the one frame that comes with a part's sound, and is not looked at


@dataclass(frozen=True, eq=False)
class Overview:
    """What is known of a file before anything is asked about it.

    Attributes:
        path: The file.
        kind: As in `Clip`.
        duration_seconds: Its length; 0 for a still.
        picture_seconds: How far the picture goes; 0 without one.
        frame_size: Height and width as shown; None without a picture.
        frames_per_second: Mean rate; None without a picture.
        num_frames: How many frames a video has; 0 for sounds and for pictures, animated ones too.
        cuts_seconds: Where a scene begins, but for the first.
        audio_status: As in `Clip`.
        sound: How loud each moment is; None unless sound could be decoded.
        warnings: As in `Clip`.
        found: The frames' times, where the file was opened by this process; None for images.
        read_part: Reads a part for a process that must not open the file itself; takes the
            sampling, the size of frames, and whether the sound is wanted. None opens it here.
    """

    path: Path
    kind: Kind
    duration_seconds: float
    picture_seconds: float = 0.0
    frame_size: tuple[int, int] | None = None
    frames_per_second: float | None = None
    num_frames: int = 0
    cuts_seconds: tuple[float, ...] = ()
    audio_status: AudioStatus = "absent"
    sound: SoundLevels | None = None
    warnings: tuple[str, ...] = ()
    found: FoundMedia | None = None
    read_part: ReadPart | None = field(default=None, repr=False)


def look_over(path: str | Path) -> Overview:
    """Finds the cuts of a file, and how loud each moment of it is.

    Memory does not grow with the size of the frames or the length of the sound, but for a few bytes
    per frame and per tenth of a second.

    Args:
        path: A local video, picture or sound file.

    Raises:
        MediaError: Nothing in the file can be seen or heard.
    """
    file = local_file(path)
    picture = pictures.recognise(file)
    if picture is not None:
        return Overview(
            path=file,
            kind="video" if picture.is_animated else "image",
            duration_seconds=picture.duration_seconds,
            picture_seconds=picture.duration_seconds,
            frame_size=picture.size,
            frames_per_second=picture.frames_per_second,
            warnings=picture.warnings,
        )
    meter = LevelMeter()
    found = scan_file(file, FrameSampling(), True, _SCAN_FRAME_SIZE, meter.add)
    can_be_heard = found.audio_status == "present"
    if found.timeline is None and not can_be_heard:
        raise MediaError(f"{file} holds nothing that can be seen or heard; check it in a player.")
    sound = meter.finish() if can_be_heard else None
    return Overview(
        path=file,
        kind="audio" if found.timeline is None else "video",
        duration_seconds=found.duration_seconds,
        picture_seconds=0.0 if found.timeline is None else found.timeline.duration_seconds,
        frame_size=found.size,
        frames_per_second=found.frames_per_second,
        num_frames=0 if found.timeline is None else len(found.timeline.stamps),
        cuts_seconds=_cuts(file, found),
        audio_status="silent" if sound is not None and sound.is_silent else found.audio_status,
        sound=sound,
        warnings=tuple(found.warnings),
        found=found,
    )


def read_pictures(
    overview: Overview, start: float, end: float, num_frames: int, frame_size: tuple[int, int]
) -> Clip | None:
    """Reads evenly spread frames of a part, without its sound.

    Args:
        overview: The file.
        start: Where the part begins, in seconds.
        end: Where it ends, in seconds.
        num_frames: Frames wanted.
        frame_size: Height and width they are scaled to, without regard to their shape.

    Returns:
        The frames; None where the file has no picture there, or none that can be decoded.
    """
    is_still = overview.kind == "image"
    if overview.kind == "audio" or (start >= overview.picture_seconds and start > 0):
        return None
    sampling = FrameSampling(num_frames, start_seconds=start, end_seconds=max(end, start + 1e-3))
    if is_still:
        sampling = FrameSampling()
    if overview.read_part is not None:
        try:
            part = overview.read_part(sampling, frame_size, False)
        except MediaError:
            return None
        return replace(part, audio_status="not_requested")
    found = overview.found
    if found is None:
        part = read_clip(overview.path, sampling, frame_size=frame_size)
        return replace(part, audio_status="not_requested")
    if found.timeline is None or found.stream_index is None:
        return None
    times = found.timeline.times_seconds
    indices = sampled_indices(times, overview.picture_seconds, sampling)
    try:
        frames, _ = video_track.read_frames(
            overview.path, found.stream_index, found.timeline, indices, frame_size
        )
    except MediaError:
        return None
    return Clip(
        path=overview.path,
        kind="video",
        frames=frames,
        frame_times_seconds=tuple(times[index] for index in indices),
        frames_per_second=overview.frames_per_second,
        duration_seconds=end - start,
        start_seconds=start,
    )


def read_sounds(overview: Overview, spans: Sequence[tuple[float, float]]) -> Iterator[Clip]:
    """Reads the sound of parts, without their pictures, and one at a time.

    Args:
        overview: A file with sound.
        spans: Start and end of the parts in seconds, sorted, none into another; at least one.

    Yields:
        A clip of kind "audio" for each.
    """
    if overview.read_part is None:
        waveforms = sound_windows(overview.path, spans)
    else:
        waveforms = _windows_elsewhere(overview.read_part, spans)
    for (start, end), waveform in zip(spans, waveforms, strict=True):
        yield Clip(
            path=overview.path,
            kind="audio",
            duration_seconds=end - start,
            waveform=waveform,
            audio_status="present",
            start_seconds=start,
        )


def _windows_elsewhere(
    read_part: ReadPart, spans: Sequence[tuple[float, float]]
) -> Iterator[torch.Tensor]:
    """As `sound_windows`, each from a walk of its own."""
    for start, end in spans:
        part = read_part(FrameSampling(1, start_seconds=start, end_seconds=end), _SOUND_ONLY, True)
        yield torch.zeros(1, FRAME_LENGTH) if part.waveform is None else part.waveform


def _cuts(file: Path, found: FoundMedia) -> tuple[float, ...]:
    if found.timeline is None or found.stream_index is None:
        return ()
    count = len(found.timeline.times_seconds)
    starts = find_scenes(file, found.stream_index, found.timeline, 0, count)
    return tuple(found.timeline.times_seconds[index] for index in starts[1:])
