"""Sound to features: kaldi log-mel filter banks and the 2 s segments the model hears.

Source: torchaudio.compliance.kaldi.fbank, with the options of ImageBind's `waveform2melspec`.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

SAMPLE_RATE = 16_000
FRAME_LENGTH = 400  # 25 ms
FRAME_SHIFT = 160  # 10 ms
FFT_LENGTH = 512
PRE_EMPHASIS = 0.97
LOWEST_HZ, HIGHEST_HZ = 20.0, 8_000.0


def fbank(waveform: Tensor, num_mel_bins: int = 128) -> Tensor:
    """Log-mel filter bank energies, equal to kaldi's with a Hann window and no dither.

    Args:
        waveform: Mono sound at 16 kHz, `(N,)`, in [-1, 1]; at least 400 samples.
        num_mel_bins: Number of mel bins M between 20 Hz and 8 kHz.

    Returns:
        Log energies, `(F, M)` with `F = 1 + (N - 400) // 160`.
    """
    frames = waveform.unfold(0, FRAME_LENGTH, FRAME_SHIFT)  # (F, 400)
    frames = frames - frames.mean(dim=1, keepdim=True)
    previous = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    frames = frames - PRE_EMPHASIS * previous
    frames = frames * torch.hann_window(FRAME_LENGTH, periodic=False, dtype=waveform.dtype)
    power = torch.fft.rfft(frames, n=FFT_LENGTH).abs().pow(2.0)  # (F, 257)
    energies = torch.mm(power, _mel_filters(num_mel_bins).T)
    return energies.clamp_min(torch.finfo(torch.float32).eps).log()


@lru_cache
def _mel_filters(num_mel_bins: int) -> Tensor:
    """Triangular filters, `(M, 257)`; the bin at 8 kHz has weight zero, as in kaldi."""
    low, high = (1127.0 * math.log(1.0 + hertz / 700.0) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    step = (high - low) / (num_mel_bins + 1)
    left = low + torch.arange(num_mel_bins).unsqueeze(1) * step
    centre, right = left + step, left + 2.0 * step
    hertz = SAMPLE_RATE / FFT_LENGTH * torch.arange(FFT_LENGTH // 2)
    mel = (1127.0 * (1.0 + hertz / 700.0).log()).unsqueeze(0)
    rising, falling = (mel - left) / (centre - left), (right - mel) / (right - centre)
    filters = torch.clamp(torch.minimum(rising, falling), min=0.0)
    return torch.nn.functional.pad(filters, (0, 1))
