"""How loud each moment of a sound is, and where there is something to hear."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videollama.media.audio import SAMPLE_RATE
from videollama.media.sound_track import SILENCE_PEAK

BLOCK_SECONDS = 0.1
_BLOCK_SAMPLES = round(BLOCK_SECONDS * SAMPLE_RATE)
_SOFTEST_LEVEL = 10 ** (-60 / 20)  # of full scale; below lies the noise of quiet recordings
_BELOW_LOUDEST = 10 ** (-40 / 20)  # what is softer beside the loudest moment is background
_LONGEST_GAP_SECONDS = 0.5  # a dog that barks twice is one sound


@dataclass(frozen=True, eq=False)
class SoundLevels:
    """The loudest channel in blocks of 0.1 s.

    Attributes:
        peaks: float32 `(n,)`, the largest sample of each block, 0 to 1.
        levels: float32 `(n,)`, root mean square of each block without its constant offset.
        swing: Half the distance between the highest and the lowest sample of all.
    """

    peaks: np.ndarray
    levels: np.ndarray
    swing: float

    @property
    def is_silent(self) -> bool:
        """Whether nothing can be heard anywhere."""
        return self.swing < SILENCE_PEAK

    def active_spans(self) -> list[tuple[float, float]]:
        """Start and end in seconds of every stretch with something to hear, in order.

        Heard is what is louder than -60 dB of full scale and at most 40 dB softer than the loudest
        block; gaps of less than half a second are passed over.
        """
        if self.is_silent:
            return []
        threshold = max(_SOFTEST_LEVEL, float(self.levels.max()) * _BELOW_LOUDEST)
        spans: list[tuple[float, float]] = []
        for block in np.flatnonzero(self.levels >= threshold).tolist():
            start, end = block * BLOCK_SECONDS, (block + 1) * BLOCK_SECONDS
            if spans and start - spans[-1][1] < _LONGEST_GAP_SECONDS:
                start = spans.pop()[0]
            spans.append((start, end))
        return spans


class LevelMeter:
    """Measures samples as they come and keeps none of them."""

    def __init__(self) -> None:
        self._rest: Tensor | None = None
        self._peaks: list[Tensor] = []
        self._levels: list[Tensor] = []
        self._high: Tensor | None = None
        self._low: Tensor | None = None

    def add(self, samples: Tensor) -> None:
        """Takes the next samples, float32 `(channels, n)` at 16 kHz."""
        samples = samples.nan_to_num(0.0, 1.0, -1.0)
        if self._rest is not None:
            samples = torch.cat([self._rest, samples], dim=1)
        whole = samples.shape[1] // _BLOCK_SAMPLES * _BLOCK_SAMPLES
        self._rest = samples[:, whole:].clone()
        self._measure(samples[:, :whole])

    def finish(self) -> SoundLevels:
        """What was measured; a last block that is not full counts as one."""
        if self._rest is not None and self._rest.shape[1]:
            self._measure(torch.nn.functional.pad(self._rest, (0, _missing(self._rest))))
            self._rest = None
        empty = torch.zeros(0)
        swing = 0.0
        if self._high is not None and self._low is not None:
            swing = float((self._high - self._low).max() / 2)
        return SoundLevels(
            torch.cat([empty, *self._peaks]).numpy(),
            torch.cat([empty, *self._levels]).numpy(),
            swing,
        )

    def _measure(self, samples: Tensor) -> None:
        if not samples.shape[1]:
            return
        blocks = samples.unflatten(1, (-1, _BLOCK_SAMPLES))  # (channels, blocks, samples)
        self._peaks.append(blocks.abs().amax(dim=(0, 2)))
        self._levels.append(blocks.std(dim=2, correction=0).amax(dim=0))
        high, low = samples.amax(dim=1), samples.amin(dim=1)
        self._high = high if self._high is None else torch.maximum(self._high, high)
        self._low = low if self._low is None else torch.minimum(self._low, low)


def _missing(samples: Tensor) -> int:
    return -samples.shape[1] % _BLOCK_SAMPLES
