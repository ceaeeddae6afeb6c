"""A file in, frames with their times and the sound out; through PyAV, or Pillow for images."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from videollama.errors import MediaError
from videollama.media import pictures, video_track
from videollama.media.audio import SAMPLE_RATE
from videollama.media.clip import AudioStatus, Clip, MediaInfo, StreamInfo
from videollama.media.container import LARGEST_FRAME_PIXELS, local_file, opened
from videollama.media.encoder_inputs import SEGMENT_SAMPLES, covering_starts
from videollama.media.frame_memory import check_expected_memory, check_memory
from videollama.media.frame_sampling import FrameSampling, sampled_indices, wanted_range
from videollama.media.packet_scan import Timeline, scan_packets, timeline_without_stamps
from videollama.media.picture_clips import probe_picture, read_picture
from videollama.media.scenes import find_scenes
from videollama.media.sound_track import SoundTrack

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

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
    found = _scan(file, sampling, want_audio, frame_size)
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
    found = _scan(file, sampling, want_audio=True, frame_size=_PROBED_SIZE)
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


@dataclass
class _Found:
    """What one walk over a file told."""

    container: str
    streams: tuple[StreamInfo, ...]
    stream_index: int | None = None
    timeline: Timeline | None = None
    size: tuple[int, int] | None = None
    rotation_degrees: int = 0
    duration_seconds: float = 0.0
    audio_status: AudioStatus = "absent"
    waveform: Tensor | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def frames_per_second(self) -> float | None:
        return self.timeline.frames_per_second if self.timeline else None


def _scan(
    file: Path, sampling: FrameSampling, want_audio: bool, frame_size: tuple[int, int] | None
) -> _Found:
    """Walks over the packets once: times of all frames, decoded sound."""
    with opened(file) as container:
        video = _picture_stream(container, file)
        audio = cast("AudioStream | None", container.streams.best("audio"))
        found = _Found(container.format.name, _stream_infos(container, video, audio))
        if video is not None:
            check_expected_memory(container, video, sampling, frame_size)
        else:
            _warn_about_pictures(found, container)
        sound = None
        if audio is not None and audio.codec_context is not None and want_audio:
            origin = _start_seconds(video)
            window = (sampling.start_seconds or 0.0, sampling.end_seconds or float("inf"))
            sound = SoundTrack(audio, origin, window)
        scan = scan_packets(container, video, sound)
        if scan.encrypted:
            raise MediaError(f"{file} is encrypted; it cannot be read without its key.")
        if scan.damaged:
            found.warnings.append("the file is damaged or cut off; what comes before was read")
        if sound is not None:
            found.audio_status, found.waveform = sound.finish()
            found.duration_seconds = sound.decoded_seconds
            _warn_about_sound(found, sound)
        elif audio is not None:
            found.audio_status = "undecodable" if want_audio else "not_requested"
        # Streams may not be touched once their file is closed.
        declared, index = container.duration, None if video is None else video.index
    if index is not None and scan.timeline is not None:
        _describe_pictures(found, file, index, scan.timeline)
    elif index is not None:
        found.warnings.append("the video stream holds no frames")
    if declared and found.duration_seconds < 0.95 * declared / 1e6 - 0.5 and want_audio:
        found.warnings.append(
            f"the file says it lasts {declared / 1e6:.1f} s, but ends after "
            f"{found.duration_seconds:.1f} s"
        )
    return found


def _describe_pictures(found: _Found, file: Path, index: int, timeline: Timeline) -> None:
    """Looks at the first frame; counts all frames where stamps cannot be trusted."""
    with opened(file) as container:
        stream = cast("VideoStream", container.streams[index])
        frames = video_track.decoded_frames(container, stream)
        first = next(frames, None)
        if first is None:
            found.warnings.append("no frame of the video stream could be decoded")
            return
        if not timeline.seekable:
            counted = timeline_without_stamps(1 + sum(1 for _ in frames), stream)
            timeline = counted or timeline
    found.size = video_track.upright_size(first)
    found.rotation_degrees = -first.rotation % 360
    found.stream_index, found.timeline = index, timeline
    found.duration_seconds = max(found.duration_seconds, timeline.duration_seconds)


def _indices(
    file: Path, found: _Found, sampling: FrameSampling, size: tuple[int, int] | None
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


def _warn_about_pictures(found: _Found, container: "InputContainer") -> None:
    if any(stream.codec_context is None for stream in container.streams.video):
        found.warnings.append(
            "the video stream has a codec that is not known; only the sound was read"
        )


def _warn_about_sound(found: _Found, sound: SoundTrack) -> None:
    if found.audio_status == "undecodable":
        found.warnings.append("audio track could not be decoded")
    elif sound.broken_packets:
        packets = "1 packet" if sound.broken_packets == 1 else f"{sound.broken_packets} packets"
        found.warnings.append(f"damaged sound was left out: {packets}")
    if sound.truncated:
        found.warnings.append(
            f"the sound after {sound.decoded_seconds:.0f} s was left out to save memory"
        )


def _picture_stream(container: "InputContainer", file: Path) -> "VideoStream | None":
    """The first video stream that is not a cover picture of a song."""
    from av.stream import Disposition

    for stream in container.streams.video:
        context = stream.codec_context
        if stream.disposition & Disposition.attached_pic or context is None:
            continue
        if context.width * context.height > LARGEST_FRAME_PIXELS:
            raise MediaError(
                f"{file} has frames of {context.width}x{context.height} pixels; videos of up to "
                f"{LARGEST_FRAME_PIXELS // 10**6} million pixels a frame are read: make it smaller."
            )
        return stream
    return None


def _start_seconds(video: "VideoStream | None") -> float | None:
    if video is None or video.start_time is None or video.time_base is None:
        return None
    return float(video.start_time * video.time_base)


def _stream_infos(
    container: "InputContainer", video: "VideoStream | None", audio: "AudioStream | None"
) -> tuple[StreamInfo, ...]:
    infos = []
    for stream in container.streams:
        context: Any = stream.codec_context
        used = stream in (video, audio)
        codec, text = (context.name if context else "unknown"), ""
        if context and stream.type == "video":
            rate = f", {float(stream.average_rate):.2f} frames/s" if stream.average_rate else ""
            text = f"{context.width}x{context.height} {context.pix_fmt or ''}{rate}"
        elif context and stream.type == "audio":
            text = f"{context.sample_rate} Hz, {context.layout.name}"
        infos.append(StreamInfo(stream.index, stream.type, codec, text, used))
    return tuple(infos)
