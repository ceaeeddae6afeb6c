"""Which sample of which source comes when: by weights, evenly, and to be entered anywhere."""

from collections.abc import Sequence

import numpy as np

from videollama.training.sample_order import SampleOrder

_WINDOW = 128
"""Within so many samples the sources have their shares, and a shuffled order."""


class Mixture:
    """An endless sequence of places of samples.

    Args:
        sizes: Samples in each source, at least one.
        weights: How often each is taken, relative to the others.
        seed: Of all shuffles.
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], seed: int) -> None:
        self._shares = np.array(weights, dtype=np.float64) / sum(weights)
        self._orders = [SampleOrder(size, seed + number) for number, size in enumerate(sizes)]
        self._seed = seed
        self._taken = [np.zeros(len(sizes), dtype=np.int64)]

    def take(self, first: int, number: int) -> list[tuple[int, int]]:
        """Source, and sample in it, at the places `first` to `first + number - 1`."""
        return [self._at(place) for place in range(first, first + number)]

    def _at(self, place: int) -> tuple[int, int]:
        window, offset = divmod(place, _WINDOW)
        before = self._before(window)
        quota = self._before(window + 1) - before
        slots = np.random.default_rng((self._seed, window)).permutation(
            np.repeat(np.arange(len(quota)), quota)
        )
        source = int(slots[offset])
        earlier = int(before[source] + (slots[:offset] == source).sum())
        return source, self._orders[source].take(earlier, 1)[0]

    def _before(self, window: int) -> np.ndarray:
        """Samples of each source in all windows before this one: its share, to the nearest."""
        while len(self._taken) <= window:
            done = self._taken[-1]
            owed = self._shares * _WINDOW * len(self._taken) - done
            quota = np.maximum(np.floor(owed), 0).astype(np.int64)
            rest = np.argsort(quota - owed, kind="stable")[: max(0, _WINDOW - int(quota.sum()))]
            quota[rest] += 1
            excess = int(quota.sum()) - _WINDOW
            quota[int(quota.argmax())] -= excess
            self._taken.append(done + quota)
        return self._taken[window]
