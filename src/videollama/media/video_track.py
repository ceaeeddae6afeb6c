"""Pictures of a video stream: finds wanted frames by seeking, turns and scales them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import av
import numpy as np
import torch
from torch import Tensor

from videollama.errors import MediaError
from videollama.media.container import opened
from videollama.media.packet_scan import Timeline

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class FoundFrame(NamedTuple):
    """A decoded frame for one wanted index; `exact` is False when a neighbour stands in for it."""

    frame: "VideoFrame"
    exact: bool


def read_frames(
    file: Path,
    stream_index: int,
    timeline: Timeline,
    indices: Sequence[int],
    size: tuple[int, int] | None,
) -> tuple[Tensor, int]:
    """Decodes the wanted frames of a video stream.

    Args:
        file: The file.
        stream_index: Its video stream.
        timeline: When its frames are shown.
        indices: Sorted, different numbers of frames in the timeline.
        size: Height and width to scale to; None keeps the size of the first frame.

    Returns:
        uint8 RGB `(T, H, W, 3)`, and how many of the T could not be decoded and show a neighbour.

    Raises:
        MediaError: No wanted frame could be decoded.
    """
    frames: Tensor | None = None
    scaler = FrameScaler(size)
    replaced = 0
    with opened(file) as container:
        stream = cast("VideoStream", container.streams[stream_index])
        finder = frames_by_stamp if timeline.seekable else frames_by_count
        for position, found in enumerate(finder(container, stream, timeline, indices)):
            picture = torch.from_numpy(scaler.rgb(found.frame))
            if frames is None:
                frames = picture.new_empty((len(indices), *picture.shape))
            frames[position] = picture
            replaced += not found.exact
    if frames is None:
        raise MediaError(f"No frame of {file} could be decoded; check it in a player.")
    return frames, replaced


def frames_by_stamp(
    container: "InputContainer", stream: "VideoStream", timeline: Timeline, indices: Sequence[int]
) -> Iterator[FoundFrame]:
    """Finds frames by presentation stamp, jumping to the keyframe before each wanted one.

    Args:
        container: Freshly opened file.
        stream: Its video stream.
        timeline: Complete stamps.
        indices: Sorted, different frame numbers.

    Yields:
        One frame per index; the same as decoding everything from the beginning would give. Nothing
        at all if no frame can be decoded.
    """
    reader = _Reader(container, stream)
    shown: VideoFrame | None = None
    for index in indices:
        wanted = timeline.stamps[index]
        key = bisect_right(timeline.keyframes, wanted) - 1
        if key > 0 and timeline.keyframes[key] > reader.last_stamp:
            reader.jump_to_key(timeline.keyframes, key)
        frame = reader.advance_to(wanted)
        shown = frame or shown
        if shown is None:
            return
        yield FoundFrame(shown, exact=shown.pts == wanted)


def frames_by_count(
    container: "InputContainer", stream: "VideoStream", timeline: Timeline, indices: Sequence[int]
) -> Iterator[FoundFrame]:
    """Finds frames by counting from the beginning, for files whose stamps cannot be trusted."""
    shown: VideoFrame | None = None
    frames = enumerate(decoded_frames(container, stream))
    for wanted in indices:
        for number, frame in frames:
            shown = frame
            if number == wanted:
                yield FoundFrame(frame, exact=True)
                break
        else:
            if shown is None:
                return
            yield FoundFrame(shown, exact=False)


def decoded_frames(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
    """All frames from the present position on; broken packets are passed over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            packet = None
        try:
            yield from stream.codec_context.decode(
                packet if packet is not None and packet.size else None
            )
        except (av.error.FFmpegError, MemoryError):
            if packet is not None and packet.size:
                continue
        if packet is None or not packet.size:
            return


class _Stamped(NamedTuple):
    stamp: int
    frame: "VideoFrame"


class _Reader:
    """Decodes forward from where it is, and can jump to keyframes."""

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self._container, self._stream = container, stream
        self._frames = decoded_frames(container, stream)
        self._ahead: _Stamped | None = None
        self._current: _Stamped | None = None
        self.last_stamp = -(2**62)

    def jump_to_key(self, keyframes: Sequence[int], key: int) -> None:
        """Moves to a keyframe; to an earlier one where the file's index leads past it."""
        step = 1
        while key > 0:
            self._restart(keyframes[key])
            if self._ahead is not None and self._ahead.stamp <= keyframes[key]:
                return
            key, step = key - step, 2 * step
        self._restart(keyframes[0])

    def advance_to(self, wanted: int) -> "VideoFrame | None":
        """The frame with this stamp, else the last one before it, else the first one after it."""
        while self.last_stamp != wanted:
            if self._ahead is None:
                self._ahead = self._next_stamped()
            if self._ahead is None:
                break
            if self._ahead.stamp > wanted:
                return (self._current or self._ahead).frame
            self._current, self._ahead = self._ahead, None
            self.last_stamp = self._current.stamp
        return None if self._current is None else self._current.frame

    def _restart(self, stamp: int) -> None:
        self._container.seek(stamp, stream=self._stream, backward=True)
        self._frames = decoded_frames(self._container, self._stream)
        self._current = None
        self._ahead = self._next_stamped()

    def _next_stamped(self) -> _Stamped | None:
        frames = (_Stamped(frame.pts, frame) for frame in self._frames if frame.pts is not None)
        return next(frames, None)


class FrameScaler:
    """Turns decoded frames upright and into RGB of one size.

    swscale's bilinear filter in a filter graph gives the same bytes as decord does when it is asked
    for `width` and `height`.

    Args:
        size: Height and width; None takes those of the first frame.
        pixel_format: As FFmpeg names it, of what `scaled` gives; `rgb` needs "rgb24".
    """

    def __init__(self, size: tuple[int, int] | None, pixel_format: str = "rgb24") -> None:
        self._size = size
        self._pixel_format = pixel_format
        self._graph: av.filter.Graph | None = None
        self._input: tuple[object, ...] = ()

    def rgb(self, frame: "VideoFrame") -> np.ndarray:
        """uint8 `(H, W, 3)`."""
        return self.scaled(frame).to_ndarray()

    def scaled(self, frame: "VideoFrame") -> "VideoFrame":
        """The frame upright, in the size and the pixel format."""
        turns = upright_filters(frame)
        if self._size is None:
            self._size = upright_size(frame)
        given = (
            frame.width,
            frame.height,
            frame.format.name,
            frame.colorspace,
            frame.color_range,
            turns,
        )
        if self._graph is None or given != self._input:
            self._graph, self._input = self._build(frame, turns), given
        self._graph.push(frame)
        return cast("VideoFrame", self._graph.pull())

    def _build(self, frame: "VideoFrame", turns: tuple[tuple[str, str], ...]) -> "av.filter.Graph":
        assert self._size is not None
        height, width = self._size
        graph = av.filter.Graph()
        source = (
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"
            f":colorspace={int(frame.colorspace)}:range={int(frame.color_range)}"
        )
        chain = (
            ("buffer", source),
            *turns,
            ("scale", f"{width}:{height}:flags=bilinear"),
            ("format", self._pixel_format),
            ("buffersink", None),
        )
        nodes = [graph.add(name, arguments) for name, arguments in chain]
        for left, right in pairwise(nodes):
            left.link_to(right)
        graph.configure()
        return graph


def upright_filters(frame: "VideoFrame") -> tuple[tuple[str, str], ...]:
    """The filters that show a frame as a player would, from its display matrix.

    Args:
        frame: A decoded frame.

    Returns:
        Names and arguments; empty when the frame is upright, or turned by an odd angle.

    Source: `insert_filters` of FFmpeg's own player and converter (autorotate).
    """
    side_data: Any = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return ()
    matrix = np.frombuffer(bytes(side_data)[:36], dtype=np.int32)
    clockwise = -frame.rotation % 360
    if clockwise == 90:
        return (("transpose", "cclock_flip" if matrix[3] > 0 else "clock"),)
    if clockwise == 270:
        return (("transpose", "clock_flip" if matrix[3] < 0 else "cclock"),)
    if clockwise == 180:
        flips = (("hflip", matrix[0] < 0), ("vflip", matrix[4] < 0))
        return tuple((name, "") for name, wanted in flips if wanted)
    return (("vflip", ""),) if matrix[4] < 0 else ()


def copy_colours(frame: "VideoFrame", target: Any) -> None:
    """Lets another frame or an encoder know what the numbers of a frame mean as colours.

    Of the four facts, PyAV 15 knows the first two only.
    """
    for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
        if hasattr(frame, name):
            setattr(target, name, getattr(frame, name))


def upright_size(frame: "VideoFrame") -> tuple[int, int]:
    """Height and width of a frame as a player would show it."""
    turned = any(name == "transpose" for name, _ in upright_filters(frame))
    return (frame.width, frame.height) if turned else (frame.height, frame.width)
