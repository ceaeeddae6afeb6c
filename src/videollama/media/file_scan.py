"""What one walk over the packets of a file tells: its streams, frame times and sound."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from videollama.errors import MediaError
from videollama.media import video_track
from videollama.media.clip import AudioStatus, StreamInfo
from videollama.media.container import LARGEST_FRAME_PIXELS, opened
from videollama.media.frame_memory import check_expected_memory
from videollama.media.frame_sampling import FrameSampling
from videollama.media.packet_scan import Timeline, scan_packets, timeline_without_stamps
from videollama.media.sound_track import SoundTrack

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream


@dataclass
class FoundMedia:
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
        """Mean rate of the video stream; None without one."""
        return self.timeline.frames_per_second if self.timeline else None


def scan_file(
    file: Path,
    sampling: FrameSampling,
    want_audio: bool,
    frame_size: tuple[int, int] | None,
    sound_sink: Callable[[Tensor], None] | None = None,
) -> FoundMedia:
    """Walks over the packets once: times of all frames, decoded sound.

    Args:
        file: A local file that is no image.
        sampling: Which frames, and which part of the file.
        want_audio: Whether to decode the sound.
        frame_size: Height and width that frames will be scaled to; None for those of the file.
        sound_sink: Gets the sound instead of `FoundMedia.waveform`; see `SoundTrack`.

    Raises:
        MediaError: The file is not media, or encrypted.
        InputError: The frames would need too much memory.
    """
    with opened(file) as container:
        video = picture_stream(container, file)
        audio = cast("AudioStream | None", container.streams.best("audio"))
        found = FoundMedia(container.format.name, _stream_infos(container, video, audio))
        if video is not None:
            check_expected_memory(container, video, sampling, frame_size)
        else:
            _warn_about_pictures(found, container)
        sound = None
        if audio is not None and audio.codec_context is not None and want_audio:
            origin = start_seconds(video)
            window = (sampling.start_seconds or 0.0, sampling.end_seconds or float("inf"))
            sound = SoundTrack(audio, origin, window, sound_sink)
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


def _describe_pictures(found: FoundMedia, file: Path, index: int, timeline: Timeline) -> None:
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


def _warn_about_pictures(found: FoundMedia, container: "InputContainer") -> None:
    if any(stream.codec_context is None for stream in container.streams.video):
        found.warnings.append(
            "the video stream has a codec that is not known; only the sound was read"
        )


def _warn_about_sound(found: FoundMedia, sound: SoundTrack) -> None:
    if found.audio_status == "undecodable":
        found.warnings.append("audio track could not be decoded")
    elif sound.broken_packets:
        packets = "1 packet" if sound.broken_packets == 1 else f"{sound.broken_packets} packets"
        found.warnings.append(f"damaged sound was left out: {packets}")
    if sound.truncated:
        found.warnings.append(
            f"the sound after {sound.decoded_seconds:.0f} s was left out to save memory"
        )


def picture_stream(container: "InputContainer", file: Path) -> "VideoStream | None":
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


def start_seconds(video: "VideoStream | None") -> float | None:
    """Time in the file that counts as 0; None without a video stream that says when it begins."""
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
