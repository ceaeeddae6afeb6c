"""Sounds as the frozen sound encoder hears them: a few variants of each, encoded once.

    variant 0      clean, the segments where they are in use
    variant 1, 2   segments moved by up to 0.6 s, louder or softer
    variant 3, …   likewise, with another training sound beneath

Training sounds have all variants, validation sounds only the first. Letters: S segments, D width.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from videollama.media.labelled_sounds import Sound
from videollama.model.efficientnet_lite import EfficientNetLite, fold_batch_norms
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.broken_samples import BrokenSamples
from videollama.training.feature_cache import FeatureCache, Report, fingerprint
from videollama.training.sound_spectra import (
    CLIP_FRAMES,
    SEGMENT_FRAMES,
    SEGMENT_STARTS,
    SoundSpectra,
    cut,
    segment_inputs,
)

LARGEST_SHIFT = 60  # frames of 10 ms
LARGEST_GAIN = 4.0  # nats of energy
FIRST_WITH_BACKGROUND = 3
BACKGROUND_ENERGY = (0.01, 0.15)
_BATCH = 8


@dataclass(frozen=True)
class SoundFeatures:
    """Sounds of one part of the data, with their features.

    Attributes:
        sounds: The sounds.
        num_variants: Variants of each.
    """

    sounds: list[Sound]
    num_variants: int
    _caches: Sequence[FeatureCache]

    def features(self, variant: int, sound: int) -> np.ndarray:
        """Embeddings of the segments of one variant of a sound, float16 `(S, D)`."""
        return self._caches[variant][sound]


def load_sound_features(
    model: VideoLlamaForConditionalGeneration,
    spectra: tuple[SoundSpectra, SoundSpectra],
    num_variants: int,
    cache_root: Path,
    *,
    broken: BrokenSamples,
    report: Report,
) -> tuple[SoundFeatures, SoundFeatures]:
    """Encode the sounds that are not in the cache yet, and give training and validation part.

    Raises:
        OutputError: The cache cannot be written.
    """
    training, validation = spectra
    encoder = cast("EfficientNetLite", model.audio_encoder)
    digest = fingerprint(encoder)
    folded = fold_batch_norms(encoder)
    width = encoder.config.hidden_size

    def encode(inputs: Tensor) -> Tensor:
        flat = inputs.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return folded(flat).mean(dim=1).unflatten(0, inputs.shape[:2])

    parts = []
    for name, part, count in (("training", training, num_variants), ("validation", validation, 1)):
        caches = []
        for variant in range(count):
            cache = FeatureCache(
                cache_root,
                f"{name}_sounds_variant_{variant}",
                [sound.path for sound in part.sounds],
                (len(SEGMENT_STARTS), width),
                {"encoder": digest, "backgrounds": [s.path.name for s in training.sounds]},
            )
            cache.fill(
                partial(_inputs, part, training, variant),
                encode,
                batch_size=_BATCH,
                broken=broken,
                report=report,
            )
            caches.append(cache)
        parts.append(SoundFeatures(part.sounds, count, caches))
    return parts[0], parts[1]


def _inputs(part: SoundSpectra, backgrounds: SoundSpectra, variant: int, sound: int) -> Tensor:
    return torch.from_numpy(segment_inputs(variant_of(part, sound, variant, backgrounds)))


def variant_of(
    part: SoundSpectra, sound: int, variant: int, backgrounds: SoundSpectra
) -> np.ndarray:
    """Log-mel energies of the segments of one variant of a sound, `(S, 198, M)`."""
    energies = part.energies(sound)
    if variant == 0:
        return cut(energies, SEGMENT_STARTS)
    name = part.sounds[sound].path.name
    draw = np.random.default_rng(zlib.crc32(f"{name} {variant}".encode()))
    shifts = draw.integers(-LARGEST_SHIFT, LARGEST_SHIFT, len(SEGMENT_STARTS))
    starts = np.clip(np.array(SEGMENT_STARTS) + shifts, 0, CLIP_FRAMES - SEGMENT_FRAMES).tolist()
    segments = cut(energies, starts) + np.float32(draw.uniform(-LARGEST_GAIN, LARGEST_GAIN))
    if variant >= FIRST_WITH_BACKGROUND:
        other = backgrounds.energies(int(draw.integers(len(backgrounds.sounds))))
        level = np.float32(np.log(draw.uniform(*BACKGROUND_ENERGY)))
        segments = np.logaddexp(segments, cut(other, starts) + level)
    return segments
