"""Which frames of a video the model sees."""

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from videollama.errors import InputError


@dataclass(frozen=True)
class FrameSampling:
    """A wish about frames.

    Attributes:
        num_frames: Number of frames; a shorter video gives all it has.
        frames_per_second: Frames per second of video, instead of `num_frames`.
        start_seconds: Ignore what comes before; None for the beginning.
        end_seconds: Ignore this moment and what follows; None for the end.
        method: "uniform" spreads the frames evenly over the frame numbers, as the original does at
            inference; "scenes" gives every scene some, long ones more; "headtail" draws half of
            them from the first half of the video and half from the second, as the original does in
            its first training stage.
        headtail_seed: Seed of "headtail"; None draws differently every time.

    Raises:
        InputError: A value makes no sense.
    """

    num_frames: int = 8
    frames_per_second: float | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    method: Literal["uniform", "scenes", "headtail"] = "uniform"
    headtail_seed: int | None = 0

    def __post_init__(self) -> None:
        if self.num_frames < 1:
            raise InputError(f"{self.num_frames} frames were asked for; ask for 1 or more.")
        rate = self.frames_per_second
        if rate is not None and not (rate > 0 and math.isfinite(rate)):
            raise InputError(f"{rate} frames per second is not possible; use a number above 0.")
        for name, value in (("start", self.start_seconds), ("end", self.end_seconds)):
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise InputError(f"The {name} of {value} seconds is not possible; use 0 or more.")
        if self.end_seconds is not None and self.end_seconds <= (self.start_seconds or 0.0):
            raise InputError(
                f"The end at {self.end_seconds} s is not after the start at "
                f"{self.start_seconds or 0.0} s; choose a later end."
            )
        if self.method not in ("uniform", "scenes", "headtail"):
            raise InputError(
                f"Sampling '{self.method}' is unknown; use 'uniform', 'scenes' or 'headtail'."
            )
        if rate is not None and self.method != "uniform":
            raise InputError(
                f"'{self.method}' chooses a number of frames; leave out the frames per second."
            )

    @property
    def is_whole(self) -> bool:
        """Whether neither a start nor an end is given, so that a question may name a part."""
        return self.start_seconds is None and self.end_seconds is None

    def window(self, duration_seconds: float) -> tuple[float, float]:
        """The part of a file that is wanted.

        Args:
            duration_seconds: Length of the file.

        Returns:
            Start and end in seconds, the end not beyond the file.

        Raises:
            InputError: The start is beyond the end of the file.
        """
        start = self.start_seconds or 0.0
        if start > 0 and start >= duration_seconds:
            raise InputError(
                f"The start at {start:g} s is beyond the end of the file, which is "
                f"{duration_seconds:.2f} s long; choose an earlier start."
            )
        end = duration_seconds if self.end_seconds is None else self.end_seconds
        return start, min(end, duration_seconds)


def uniform_indices(num_available: int, num_wanted: int) -> list[int]:
    """Frame numbers as the original computes them, evenly spread, first included, last usually not.

    The original's `np.arange(0, n, n / wanted)` rounds to one index too many for some pairs, and
    that one can lie outside the video: (17, 7) gives [..., 17]. Here the surplus is dropped.

    Args:
        num_available: Frames in the video, at least 1.
        num_wanted: Frames wanted.

    Returns:
        `min(num_available, num_wanted)` sorted, different indices below `num_available`.
    """
    count = min(num_available, num_wanted)
    indices = np.arange(0, num_available, num_available / count).astype(int)[:count]
    return [int(index) for index in indices]


def headtail_indices(num_available: int, num_wanted: int, seed: int | None) -> list[int]:
    """Random frame numbers, half of them from each half of the video.

    As in the original, an odd number wanted gives one less; but one frame wanted gives one, where
    the original gives none.

    Args:
        num_available: Frames in the video, at least 1.
        num_wanted: Frames wanted.
        seed: Seed of the draw; None for a different one every time.

    Returns:
        Sorted indices below `num_available`.
    """
    draw = random.Random(seed)
    half, middle = min(num_available, num_wanted) // 2, num_available // 2
    if half == 0:
        return [draw.randrange(num_available)]
    head = draw.sample(range(middle), half)
    tail = draw.sample(range(middle, num_available), half)
    return sorted(head) + sorted(tail)


def scene_indices(
    times_seconds: Sequence[float], starts: Sequence[int], stop: int, num_wanted: int
) -> list[int]:
    """Frame numbers that give every scene some.

    A scene's share grows with its length, as seats are given to parties (Sainte-Laguë), but each
    has at least one. With more scenes than frames the longest ones get a frame each. Frames lie in
    the middle of equal parts of their scene, away from the cuts.

    Args:
        times_seconds: Time of every frame, sorted.
        starts: The first frame of every scene, sorted.
        stop: The first frame that is not wanted any more.
        num_wanted: Frames wanted.

    Returns:
        `min(stop - starts[0], num_wanted)` sorted, different indices, or fewer where scenes are
        shorter than their share.
    """
    bounds = list(pairwise([*starts, stop]))
    seconds = [times_seconds[end - 1] - times_seconds[begin] for begin, end in bounds]
    by_length = sorted(range(len(bounds)), key=lambda scene: -seconds[scene])
    shares = dict.fromkeys(by_length[:num_wanted], 1)
    room = {scene: bounds[scene][1] - bounds[scene][0] for scene in shares}
    for _ in range(num_wanted - len(shares)):
        growing = [scene for scene in shares if shares[scene] < room[scene]]
        if not growing:
            break
        shares[max(growing, key=lambda scene: seconds[scene] / (2 * shares[scene] + 1))] += 1
    return sorted(
        bounds[scene][0] + int((part + 0.5) * room[scene] / share)
        for scene, share in shares.items()
        for part in range(share)
    )


def wanted_range(
    times_seconds: Sequence[float], duration_seconds: float, sampling: FrameSampling
) -> tuple[int, int]:
    """The frames that begin in the part that is wanted; arguments are those of `sampled_indices`.

    Returns:
        The first of them and the first behind them; equal where no frame begins there.

    Raises:
        InputError: The start is beyond the end of the video.
    """
    start, end = sampling.window(duration_seconds)
    first, stop = bisect_left(times_seconds, start), len(times_seconds)
    if sampling.end_seconds is not None:
        stop = bisect_left(times_seconds, end)
    return first, max(first, stop)


def sampled_indices(
    times_seconds: Sequence[float],
    duration_seconds: float,
    sampling: FrameSampling,
    scene_starts: Sequence[int] = (),
) -> list[int]:
    """Which frames a wish means in a video with these frame times.

    Args:
        times_seconds: Time of every frame, sorted.
        duration_seconds: Length of the video.
        sampling: The wish.
        scene_starts: The first frame of every scene in the part that is wanted, for "scenes";
            without any, all of it is one scene.

    Returns:
        Sorted, different indices into `times_seconds`, at least one. Their times lie in
        [start, end), unless no frame begins there: then it is the frame on show at the start.

    Raises:
        InputError: The start is beyond the end of the video.
    """
    start, _ = sampling.window(duration_seconds)
    first, stop = wanted_range(times_seconds, duration_seconds, sampling)
    if first >= stop:
        return [max(0, bisect_right(times_seconds, start) - 1)]
    if sampling.frames_per_second is not None:
        return _first_frames_of_intervals(
            times_seconds, range(first, stop), start, sampling.frames_per_second
        )
    if sampling.method == "scenes":
        return scene_indices(times_seconds, scene_starts or [first], stop, sampling.num_frames)
    if sampling.method == "headtail":
        chosen = headtail_indices(stop - first, sampling.num_frames, sampling.headtail_seed)
    else:
        chosen = uniform_indices(stop - first, sampling.num_frames)
    return [first + index for index in chosen]


def _first_frames_of_intervals(
    times_seconds: Sequence[float], candidates: range, start: float, rate: float
) -> list[int]:
    """The first frame of every 1/rate seconds since the start, none twice."""
    chosen, last = [], -1
    for index in candidates:
        interval = math.floor((times_seconds[index] - start) * rate + 1e-6)
        if interval > last:
            chosen.append(index)
            last = interval
    return chosen


def spread_evenly(last: int, count: int) -> list[int]:
    """So many whole numbers from 0 to `last`, as far apart as one another; of one, 0."""
    return [round(last * number / max(1, count - 1)) for number in range(count)]
