"""Sounds as log-mel energies, read once; segments of 2 s are cut from them.

Letters: F mel frames of 10 ms, M mel bins, S segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from videollama.errors import DataError, MediaError
from videollama.media.audio import FRAME_LENGTH, FRAME_SHIFT, SAMPLE_RATE, fbank
from videollama.media.decode import read_clip
from videollama.media.labelled_sounds import Sound, read_sounds
from videollama.training.broken_samples import BrokenSamples
from videollama.training.feature_cache import FeatureCache, Report
from videollama.training.recipe import DataSection

MEAN, STD = -4.268, 9.138  # as `audio_segments` normalises
NUM_MEL_BINS = 128
SEGMENT_FRAMES, PADDED_FRAMES = 198, 204
CLIP_SECONDS = 5
CLIP_FRAMES = 1 + (CLIP_SECONDS * SAMPLE_RATE - FRAME_LENGTH) // FRAME_SHIFT
SEGMENT_STARTS = (0, 150, 300)  # evenly over 5 s, as in use


@dataclass(frozen=True)
class SoundSpectra:
    """Sounds of one part of the data.

    Attributes:
        sounds: The usable ones, in the order of their list.
    """

    sounds: list[Sound]
    _cache: FeatureCache
    _rows: Sequence[int]

    def energies(self, sound: int) -> np.ndarray:
        """Log-mel energies of a sound, float32 `(F, M)`."""
        return self._cache[self._rows[sound]][:, :NUM_MEL_BINS].astype(np.float32)

    def loudness(self, sound: int) -> np.ndarray:
        """Root mean square of each frame of a sound, float32 `(F,)`."""
        return self._cache[self._rows[sound]][:, NUM_MEL_BINS].astype(np.float32)


def load_sound_spectra(
    folder: Path,
    data: DataSection,
    cache_root: Path,
    *,
    broken: BrokenSamples,
    report: Report,
) -> tuple[SoundSpectra, SoundSpectra]:
    """Read the sounds and give training and validation part.

    Raises:
        DataError: The folder is not usable, or too many sounds are broken.
        OutputError: The cache cannot be written.
    """
    training = [sound for fold in data.train_folds for sound in read_sounds(folder, fold)[0]]
    validation = read_sounds(folder, data.validation_fold)[0]
    parts = []
    for name, sounds in (("training", training), ("validation", validation)):
        sounds = sounds[: data.max_samples]
        cache = FeatureCache(
            cache_root,
            f"{name}_sound_spectra",
            [sound.path for sound in sounds],
            (CLIP_FRAMES, NUM_MEL_BINS + 1),
            {"seconds": CLIP_SECONDS},
        )
        cache.fill(
            partial(_spectrum_of, sounds),
            _as_they_are,
            batch_size=32,
            broken=broken,
            report=report,
        )
        rows = np.flatnonzero(cache.usable).tolist()
        if not rows:
            raise DataError(f"{folder} has no usable sound for {name}.")
        parts.append(SoundSpectra([sounds[row] for row in rows], cache, rows))
    return parts[0], parts[1]


def spectrum(path: Path) -> Tensor:
    """Log-mel energies of the first 5 s of a file and, as last column, its loudness, `(F, M + 1)`.

    Raises:
        MediaError: The file has no sound that can be read.
    """
    clip = read_clip(path)
    if clip.waveform is None or clip.waveform.numel() == 0:
        raise MediaError(f"{path} has no sound.")
    length = CLIP_SECONDS * SAMPLE_RATE
    wave = clip.waveform.mean(dim=0)[:length]
    wave = pad(wave, (0, length - len(wave)))
    loudness = wave.unfold(0, FRAME_LENGTH, FRAME_SHIFT).pow(2).mean(dim=1).sqrt()
    return torch.cat([fbank(wave - wave.mean()), loudness.unsqueeze(1)], dim=1)


def _spectrum_of(sounds: Sequence[Sound], row: int) -> Tensor:
    return spectrum(sounds[row].path)


def _as_they_are(spectra: Tensor) -> Tensor:
    return spectra


def segment_inputs(energies: np.ndarray) -> np.ndarray:
    """What the sound encoder reads, from log-mel energies `(…, 198, M)`: `(…, 1, M, 204)`."""
    widths = [(0, 0)] * (energies.ndim - 2) + [(0, PADDED_FRAMES - SEGMENT_FRAMES), (0, 0)]
    padded = np.pad((energies - MEAN) / STD, widths, constant_values=-MEAN / STD)
    return np.ascontiguousarray(np.swapaxes(padded, -1, -2)[..., None, :, :], dtype=np.float32)


def cut(energies: np.ndarray, starts: Sequence[int]) -> np.ndarray:
    """Segments of 198 frames that begin at `starts`, `(S, 198, M)`."""
    return np.stack([energies[start : start + SEGMENT_FRAMES] for start in starts])
