"""Which sample comes when: every sample once per pass, in an order that follows from the seed."""

from functools import lru_cache

import numpy as np


class SampleOrder:
    """An endless sequence of shuffled passes over samples that can be entered anywhere.

    Args:
        count: Number of samples.
        seed: Of the shuffles.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._shuffled = lru_cache(maxsize=2)(
            lambda passed: np.random.default_rng((seed, passed)).permutation(count)
        )

    def take(self, first: int, number: int) -> list[int]:
        """The samples at places `first` to `first + number - 1` of the sequence."""
        return [
            int(self._shuffled(place // self._count)[place % self._count])
            for place in range(first, first + number)
        ]
