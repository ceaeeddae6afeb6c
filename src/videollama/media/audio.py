"""Sound to features: kaldi log-mel filter banks and the 2 s segments the model hears.

Source: torchaudio.compliance.kaldi.fbank, with the options of ImageBind's `waveform2melspec`.
"""

import math
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

SAMPLE_RATE = 16_000
FRAME_LENGTH = 400  # 25 ms
FRAME_SHIFT = 160  # 10 ms
FFT_LENGTH = 512
SEGMENT_FRAMES = 204
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
    bins = torch.arange(num_mel_bins).unsqueeze(1)
    left, centre, right = (low + (bins + shift) * step for shift in (0.0, 1.0, 2.0))
    hertz = SAMPLE_RATE / FFT_LENGTH * torch.arange(FFT_LENGTH // 2)
    mel = (1127.0 * (1.0 + hertz / 700.0).log()).unsqueeze(0)
    rising, falling = (mel - left) / (centre - left), (right - mel) / (right - centre)
    filters = torch.clamp(torch.minimum(rising, falling), min=0.0)
    return torch.nn.functional.pad(filters, (0, 1))


def segment_timepoints(
    duration_seconds: float | Fraction, num_segments: int, segment_seconds: int = 2
) -> list[tuple[Fraction, Fraction]]:
    """Start and end of evenly spread segments, in exact fractions of a second.

    The step is (duration - length) / num_segments, so that the very end of the sound is not
    reached; sound shorter than a segment gives the same segment `num_segments` times.

    Args:
        duration_seconds: Length of the sound.
        num_segments: Number of segments S.
        segment_seconds: Length of one.

    Returns:
        S pairs; an end may lie beyond the sound.

    Source: pytorchvideo's ConstantClipsPerVideoSampler, as ImageBind and Video-LLaMA use it.
    """
    last_start = max(Fraction(duration_seconds) - segment_seconds, Fraction(0))
    starts = [last_start * index / num_segments for index in range(num_segments)]
    return [(start, start + segment_seconds) for start in starts]


def audio_segments(
    waveform: Tensor,
    num_segments: int = 8,
    *,
    segment_seconds: int = 2,
    mean: float = -4.268,
    std: float = 9.138,
    carry_means: bool = False,
) -> Tensor:
    """The log-mel segments that an audio encoder hears.

    Only the first channel is analysed, as in the original; the others take part in the mean that
    is removed.

    Args:
        waveform: Sound at 16 kHz, `(channels, N)`.
        num_segments: Number of segments S; they overlap in short sounds.
        segment_seconds: Length of a segment; 2 s give 198 frames, padded to 204.
        mean: Subtracted from the log energies.
        std: Log energies are divided by it.
        carry_means: Reproduce the original, which removes each segment's mean from the sound
            itself, so that later segments see it where they overlap. It matters for sound with a
            drifting offset; released models are run with it.

    Returns:
        float32 `(S, 1, 128, 204)`.

    Source: `load_and_transform_audio_data` and `waveform2melspec` of Video-LLaMA.
    """
    waveform = torch.nn.functional.pad(waveform, (0, max(0, FRAME_LENGTH - waveform.shape[1])))
    duration = waveform.shape[1] / SAMPLE_RATE
    timepoints = segment_timepoints(duration, num_segments, segment_seconds)
    carry_means &= any(after[0] < before[1] for before, after in pairwise(timepoints))
    if carry_means:
        waveform = waveform.clone()
    segments = []
    for start, end in timepoints:
        segment = waveform[:, int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
        if not carry_means:
            segment = segment.clone()
        segment -= segment.mean()
        mel = fbank(segment[0])[:SEGMENT_FRAMES].T
        segments.append(torch.nn.functional.pad(mel, (0, SEGMENT_FRAMES - mel.shape[1])))
    return ((torch.stack(segments) - mean) / std).unsqueeze(1)
