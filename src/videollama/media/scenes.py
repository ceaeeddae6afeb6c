"""Where one scene of a video ends and the next begins: cuts between small pictures."""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from videollama.media import video_track
from videollama.media.container import opened
from videollama.media.packet_scan import Timeline

if TYPE_CHECKING:
    from av.video.stream import VideoStream

CUT_DIFFERENCE = 24.0  # mean of 0..255 over all pixels and colours of two pictures
SHORTEST_SCENE_SECONDS = 0.6  # as PySceneDetect's default
_LOOKS_PER_SECOND = 8.0
_SMALL = (18, 32)  # so small that things moving across the picture count for little
_MOST_DECODED_SECONDS = 600.0  # in a longer part only keyframes are decoded …
_MOST_KEYFRAME_GAP_SECONDS = 12.0  # … if they are this close; encoders also put one at most cuts


def find_scenes(
    file: Path, stream_index: int, timeline: Timeline, first: int, stop: int
) -> list[int]:
    """Finds the frames that begin a scene.

    Frames are decoded one after the other and made small at once, so memory does not grow with the
    length. In more than ten minutes only keyframes are looked at, and a cut between two of them is
    placed at the later one.

    Args:
        file: The file.
        stream_index: Its video stream.
        timeline: When its frames are shown.
        first: Number of the first frame of the part that is looked at.
        stop: Number of the first frame behind it.

    Returns:
        Sorted frame numbers, the first of them `first`.
    """
    times = timeline.times_seconds
    starts = [first]
    before: np.ndarray | None = None
    for index, picture in _small_pictures(file, stream_index, timeline, first, stop):
        if before is not None:
            long_enough = times[index] - times[starts[-1]] >= SHORTEST_SCENE_SECONDS
            if long_enough and np.abs(picture - before).mean() > CUT_DIFFERENCE:
                starts.append(index)
        before = picture
    return starts


def exact_cut(file: Path, stream_index: int, timeline: Timeline, found: int) -> int:
    """The very frame that begins a scene, near the one that `find_scenes` gave.

    That one is late by up to an eighth of a second, or lies at the next keyframe.

    Args:
        file: The file.
        stream_index: Its video stream.
        timeline: When its frames are shown.
        found: A frame number of `find_scenes`, but for its first.

    Returns:
        The frame that differs most from the one before it, back to the last look.
    """
    times = timeline.times_seconds
    earliest = times[found] - 1 / _LOOKS_PER_SECOND
    if _keyframes_suffice(timeline, 0, len(times)):
        key = bisect_left(timeline.keyframes, timeline.stamps[found]) - 1
        earliest = times[bisect_left(timeline.stamps, timeline.keyframes[max(0, key)])]
    first = max(0, bisect_left(times, earliest - 1e-6) - 1)
    best, largest, before = found, 0.0, None
    with opened(file) as container:
        stream = cast("VideoStream", container.streams[stream_index])
        scaler = video_track.FrameScaler(_SMALL)
        finder = video_track.frames_by_stamp if timeline.seekable else video_track.frames_by_count
        numbers = range(first, found + 1)
        for number, each in zip(
            numbers, finder(container, stream, timeline, numbers), strict=False
        ):
            picture = scaler.rgb(each.frame).astype(np.float32)
            if before is not None:
                difference = float(np.abs(picture - before).mean())
                if difference > largest:
                    best, largest = number, difference
            before = picture
    return best


def _small_pictures(
    file: Path, stream_index: int, timeline: Timeline, first: int, stop: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Frame numbers and pictures, float32 `(18, 32, 3)`, at most eight a second."""
    times = timeline.times_seconds
    scaler, next_look = video_track.FrameScaler(_SMALL), times[first]
    with opened(file) as container:
        stream = cast("VideoStream", container.streams[stream_index])
        if _keyframes_suffice(timeline, first, stop):
            stream.codec_context.skip_frame = "NONKEY"
        if timeline.seekable and first > 0:
            container.seek(timeline.stamps[first], stream=stream, backward=True)
        for number, frame in enumerate(video_track.decoded_frames(container, stream)):
            index = number
            if timeline.seekable:
                index = -1 if frame.pts is None else bisect_left(timeline.stamps, frame.pts)
            if index >= stop:
                return
            if index >= first and times[index] >= next_look:
                next_look = times[index] + 1 / _LOOKS_PER_SECOND - 1e-6
                yield index, scaler.rgb(frame).astype(np.float32)


def _keyframes_suffice(timeline: Timeline, first: int, stop: int) -> bool:
    """Whether a part is long, and has keyframes all through."""
    times = timeline.times_seconds
    seconds = times[stop - 1] - times[first]
    if seconds <= _MOST_DECODED_SECONDS or not timeline.seekable:
        return False
    low = bisect_left(timeline.keyframes, timeline.stamps[first])
    high = bisect_left(timeline.keyframes, timeline.stamps[stop - 1], low)
    keys = np.array(
        [timeline.stamps[first], *timeline.keyframes[low:high], timeline.stamps[stop - 1]]
    )
    return float(np.diff(keys).max() * timeline.time_base) <= _MOST_KEYFRAME_GAP_SECONDS
