"""Sound at any rate to 16 kHz, with the numbers of `torchaudio.functional.resample`."""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

_LOWPASS_FILTER_WIDTH = 6
_ROLLOFF = 0.99
_LARGEST_KERNEL = 2**23  # 32 MiB; only exotic pairs of rates need more


def resample(waveform: Tensor, source_rate: int, target_rate: int) -> Tensor:
    """Windowed-sinc resampling (Hann window, width 6, roll-off 0.99).

    Args:
        waveform: float32 `(channels, N)`.
        source_rate: Its samples per second.
        target_rate: Wanted samples per second.

    Returns:
        float32 `(channels, ceil(N * target_rate / source_rate))`.

    Source: torchaudio.functional.resample.
    """
    resampler = Resampler(source_rate, target_rate)
    return torch.cat([resampler.push(waveform), resampler.finish()], dim=1)


def is_practical(source_rate: int, target_rate: int) -> bool:
    """Whether the filter bank between these rates stays small (44100, 48000, 11025 … do)."""
    divisor = math.gcd(source_rate, target_rate)
    source, target = source_rate // divisor, target_rate // divisor
    return target * (source + 2 * _width(source, target)) <= _LARGEST_KERNEL


class Resampler:
    """Resamples a sound that arrives in pieces; the pieces give the same samples as the whole.

    Args:
        source_rate: Samples per second of what is pushed.
        target_rate: Samples per second of what comes back.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        divisor = math.gcd(source_rate, target_rate)
        self._source, self._target = source_rate // divisor, target_rate // divisor
        self._width = _width(self._source, self._target)
        self._pending: Tensor | None = None  # input that the next outputs still need
        self._received = self._returned = 0

    def push(self, waveform: Tensor) -> Tensor:
        """Takes samples `(channels, n)`; returns the outputs `(channels, m)` that they settle."""
        self._received += waveform.shape[1]
        if self._source == self._target:
            return waveform
        if self._pending is None:
            self._pending = waveform.new_zeros(waveform.shape[0], self._width)
        self._pending = torch.cat([self._pending, waveform], dim=1)
        return self._convolve()

    def finish(self) -> Tensor:
        """Returns the remaining outputs `(channels, m)`."""
        if self._pending is None:
            return torch.zeros(1, 0)
        self._pending = pad(self._pending, (0, self._width + self._source))
        missing = -(-self._target * self._received // self._source) - self._returned
        return self._convolve()[:, :missing]

    def _convolve(self) -> Tensor:
        assert self._pending is not None
        size = 2 * self._width + self._source
        steps = max(0, (self._pending.shape[1] - size) // self._source + 1)
        if steps == 0:
            return self._pending[:, :0]
        used = self._pending[:, : (steps - 1) * self._source + size]
        kernels = _kernels(self._source, self._target)
        out = conv1d(used.unsqueeze(1), kernels, stride=self._source)  # (channels, target, steps)
        self._pending = self._pending[:, steps * self._source :].clone()
        self._returned += steps * self._target
        return out.transpose(1, 2).reshape(out.shape[0], -1)


def _width(source: int, target: int) -> int:
    return math.ceil(_LOWPASS_FILTER_WIDTH * source / (min(source, target) * _ROLLOFF))


@lru_cache(maxsize=8)
def _kernels(source: int, target: int) -> Tensor:
    """One filter per output phase, `(target, 1, 2 * width + source)`; in float32 as the source."""
    base, width = min(source, target) * _ROLLOFF, _width(source, target)
    positions = torch.arange(-width, width + source)[None, None] / source
    times = torch.arange(0, -target, -1)[:, None, None] / target + positions
    times = (times * base).clamp(-_LOWPASS_FILTER_WIDTH, _LOWPASS_FILTER_WIDTH)
    window = torch.cos(times * math.pi / _LOWPASS_FILTER_WIDTH / 2) ** 2
    times = times * math.pi
    sinc = torch.where(times == 0, torch.ones_like(times), times.sin() / times)
    return sinc * (window * (base / source))
