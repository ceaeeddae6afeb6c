"""Parts of a video, one behind the other, as a new file.

    frames of the parts -> copied packets, where that is exact -+
                        -> or encoded anew ---------------------+-> muxed by time -> file
    sound of the same moments -> encoded anew -----------------+

Frames are copied only if every part begins at a keyframe and its packets stand together in the
file. Otherwise all of them are encoded anew: decoders do not take two kinds of H.264 in one track.
"""

import errno
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import av

from videollama.errors import MediaError
from videollama.media.container import opened
from videollama.media.file_scan import FoundMedia
from videollama.media.packet_scan import Timeline
from videollama.media.sound_parts import SoundParts
from videollama.media.video_track import (
    FrameScaler,
    frames_by_count,
    frames_by_stamp,
    upright_size,
)

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    Paint = Callable[[VideoFrame], VideoFrame]

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska"}
_COPIED_CODECS = ("h264", "hevc", "av1", "vp9")  # what both containers hold and players know
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_QUALITY = {"crf": "18", "preset": "veryfast"}  # hardly to be told from the source


class Part(NamedTuple):
    """Frames that follow each other.

    Attributes:
        first: Number of the first frame.
        stop: Number of the first frame behind it.
    """

    first: int
    stop: int


def cut(
    file: Path,
    found: FoundMedia,
    parts: Sequence[Part],
    target: Path,
    container_format: str,
    on_progress: Callable[[int, int], None] | None = None,
    paint: "Paint | None" = None,
) -> bool:
    """Writes parts of a video into a new file, their sound with them.

    Args:
        file: The video.
        found: What one walk over it told.
        parts: In order, none into another; at least one.
        target: Is written at once; give a draft.
        container_format: A value of `CONTAINERS`.
        on_progress: Called with the frames that are written and all of them.
        paint: Draws into the frames; they are encoded anew then.

    Returns:
        True where the frames were copied, False where they were encoded anew.

    Raises:
        MediaError: The frames cannot be decoded, or there are none.
        OSError: The target cannot be written.
    """
    timeline = found.timeline
    if timeline is None or found.stream_index is None:
        raise MediaError(f"{file} has no picture; only videos are cut.")
    plan = _Plan(file, found.stream_index, timeline, parts)
    is_copied = paint is None and _can_be_copied(plan)
    total, done = sum(part.stop - part.first for part in parts), 0
    try:
        with av.open(
            str(target), "w", format=container_format, options=_muxer_options(container_format)
        ) as copy:
            pictures = _copied(plan, copy) if is_copied else _encoded(plan, copy, paint)
            sound = SoundParts(file, copy, plan.origin_seconds, plan.spans_seconds())
            if found.audio_status in ("present", "silent"):
                sound.add_stream()
            with closing(pictures), closing(sound.packets()) as heard:
                for packet in merge(pictures, heard, key=_time):
                    is_picture = packet.stream.type == "video"
                    copy.mux(packet)
                    done += is_picture
                    if is_picture and on_progress is not None:
                        on_progress(done, total)
    except av.error.FFmpegError as error:
        if error.errno in _DISK_ERRORS:
            raise OSError(error.errno, str(error), str(target)) from error
        raise MediaError(f"{file} cannot be cut ({error}); check it in a player.") from error
    return is_copied


class _Plan:
    """What is taken of a video, and when it is shown in the new file."""

    def __init__(
        self, file: Path, stream_index: int, timeline: Timeline, parts: Sequence[Part]
    ) -> None:
        self.file, self.stream_index, self.timeline, self.parts = (
            file,
            stream_index,
            timeline,
            parts,
        )

    @property
    def origin_seconds(self) -> float | None:
        """When the first frame is shown, as the file counts; None where it does not say."""
        if not self.timeline.seekable:
            return None
        return float(self.timeline.stamps[0] * self.timeline.time_base)

    def stamp(self, number: int) -> int:
        """When a frame is shown; of the one behind the last, when the last ends."""
        stamps = self.timeline.stamps
        if number < len(stamps):
            return stamps[number]
        return stamps[-1] + max(1, self.timeline.last_duration)

    def offsets(self) -> Iterator[tuple[Part, int]]:
        """Every part, and what is to be added to its stamps."""
        begin = 0
        for part in self.parts:
            yield part, begin - self.stamp(part.first)
            begin += self.stamp(part.stop) - self.stamp(part.first)

    def spans_seconds(self) -> list[tuple[Fraction, Fraction]]:
        """Start and end of every part, counted from the first frame of the file."""
        base, zero = self.timeline.time_base, self.stamp(0)
        return [
            ((self.stamp(part.first) - zero) * base, (self.stamp(part.stop) - zero) * base)
            for part in self.parts
        ]


def _can_be_copied(plan: _Plan) -> bool:
    """Whether the packets of every part give its frames, no more and no less."""
    if not plan.timeline.seekable:
        return False
    keyframes = set(plan.timeline.keyframes)
    if any(plan.stamp(part.first) not in keyframes for part in plan.parts):
        return False
    with opened(plan.file) as container:
        stream = cast("VideoStream", container.streams[plan.stream_index])
        if stream.codec_context.name not in _COPIED_CODECS:
            return False
        last_decoded: int | None = None
        for part, offset in plan.offsets():
            count = 0
            for packet in _packets_of(plan, part):
                if packet.dts is None or packet.is_discard:
                    return False
                decoded = packet.dts + offset
                if last_decoded is not None and decoded <= last_decoded:
                    return False
                last_decoded, count = decoded, count + 1
            if count != part.stop - part.first:
                return False
    return True


def _packets_of(plan: _Plan, part: Part) -> "Generator[Packet[Any]]":
    """From the keyframe that a part begins with, the packets up to the first of another part."""
    begin, end = plan.stamp(part.first), plan.stamp(part.stop)
    with opened(plan.file) as container:
        stream = cast("VideoStream", container.streams[plan.stream_index])
        if part.first > 0:
            container.seek(begin, stream=stream, backward=True)
        is_inside = False
        for packet in container.demux(stream):
            if packet.size == 0 or packet.pts is None:
                continue
            is_inside = is_inside or (packet.pts == begin and packet.is_keyframe)
            if is_inside and not begin <= packet.pts < end:
                return
            if is_inside:
                yield packet


def _copied(plan: _Plan, copy: "OutputContainer") -> "Generator[Packet[Any]]":
    with opened(plan.file) as container:
        target = copy.add_stream_from_template(
            cast("VideoStream", container.streams[plan.stream_index])
        )
    return _shifted(plan, target)


def _shifted(plan: _Plan, target: "VideoStream") -> "Generator[Packet[Any]]":
    for part, offset in plan.offsets():
        for packet in _packets_of(plan, part):
            assert packet.pts is not None
            assert packet.dts is not None
            packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
            packet.stream = target
            yield packet


def _encoded(
    plan: _Plan, copy: "OutputContainer", paint: "Paint | None"
) -> "Generator[Packet[Any]]":
    """The stream is added before the first packet is asked for, as the muxer wants it."""
    frames = _shown_frames(plan)
    if paint is not None:
        frames = map(paint, frames)
    first = next(frames, None)
    if first is None:
        raise MediaError(f"No frame of {plan.file} could be decoded; check it in a player.")
    rate = Fraction(1 / plan.timeline.time_base)
    if (mean := plan.timeline.frames_per_second) is not None:
        rate = Fraction(mean).limit_denominator(1001)
    target = copy.add_stream("libx264", rate=rate, options=dict(_QUALITY))
    target.height, target.width, target.pix_fmt = first.height, first.width, "yuv420p"
    context = target.codec_context
    context.time_base = plan.timeline.time_base
    context.color_range, context.colorspace = first.color_range, first.colorspace
    context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
    return _encoding(target, first, frames)


def _encoding(
    target: "VideoStream", first: "VideoFrame", frames: "Iterator[VideoFrame]"
) -> "Generator[Packet[Any]]":
    yield from target.encode(first)
    for frame in frames:
        yield from target.encode(frame)
    yield from target.encode()


def _shown_frames(plan: _Plan) -> "Iterator[VideoFrame]":
    """The frames of all parts, upright, with even sides, and with their new stamps."""
    places = [
        (number, offset)
        for part, offset in plan.offsets()
        for number in range(part.first, part.stop)
    ]
    begins = {part.first for part in plan.parts}
    numbers = [number for number, _ in places]
    scaler: FrameScaler | None = None
    with opened(plan.file) as container:
        stream = cast("VideoStream", container.streams[plan.stream_index])
        finder = frames_by_stamp if plan.timeline.seekable else frames_by_count
        found = finder(container, stream, plan.timeline, numbers)
        for (number, offset), each in zip(places, found, strict=False):
            if scaler is None:
                scaler = FrameScaler(_even_size(each.frame), "yuv420p")
            frame = scaler.scaled(each.frame)
            frame.time_base = plan.timeline.time_base
            frame.pts = plan.stamp(number) + offset
            frame.duration = plan.stamp(number + 1) - plan.stamp(number)
            frame.pict_type = (
                av.video.frame.PictureType.I
                if number in begins
                else av.video.frame.PictureType.NONE
            )
            yield frame


def _even_size(frame: "VideoFrame") -> tuple[int, int]:
    """Height and width of the frame as shown, rounded down to what H.264 takes."""
    height, width = upright_size(frame)
    return max(2, height - height % 2), max(2, width - width % 2)


def _time(packet: "Packet[Any]") -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return Fraction((stamp or 0) * packet.time_base)


def _muxer_options(container_format: str) -> dict[str, str]:
    """The index of an mp4 goes to its beginning, so that it plays while it is fetched."""
    return {"movflags": "+faststart"} if container_format == "mp4" else {}
