"""Samples of several data sets in a fixed ratio, in an order that follows from the seed."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from videollama.errors import DataError
from videollama.training.sample_order import SampleOrder


class MixedOrder:
    """An endless sequence over several data sets that can be entered anywhere.

    With the ratio 100:24, among each 124 samples in a row that begin at a multiple of 124, 100 are
    of the first data set. Each set is shuffled anew whenever it has been passed through.

    Args:
        counts: Samples of each data set.
        ratio: How many of each are taken at a time.
        seed: Of the shuffles.

    Raises:
        DataError: The ratio does not fit the data sets, or names an empty one.
    """

    def __init__(self, counts: Sequence[int], ratio: Sequence[int], seed: int) -> None:
        if len(counts) != len(ratio) or min(ratio, default=0) < 1:
            raise DataError(
                f"the ratio {':'.join(map(str, ratio))} needs one whole number above 0 for each of "
                f"{len(counts)} data sets."
            )
        if min(counts) < 1:
            raise DataError(f"data set {list(counts).index(min(counts)) + 1} holds no samples.")
        self._ratio = tuple(ratio)
        self._orders = [
            SampleOrder(count, int(own))
            for count, own in zip(
                counts, np.random.SeedSequence(seed).generate_state(len(counts)), strict=True
            )
        ]
        pattern = np.repeat(np.arange(len(ratio)), ratio)
        self._patterns = lru_cache(maxsize=2)(
            lambda period: np.random.default_rng((seed, period)).permutation(pattern)
        )

    def take(self, first: int, number: int) -> list[tuple[int, int]]:
        """The data set and the sample at places `first` to `first + number - 1`."""
        return [self._at(place) for place in range(first, first + number)]

    def _at(self, place: int) -> tuple[int, int]:
        period, step = divmod(place, sum(self._ratio))
        pattern = self._patterns(period)
        source = int(pattern[step])
        before = period * self._ratio[source] + int((pattern[:step] == source).sum())
        return source, self._orders[source].take(before, 1)[0]
