"""Stage `sound_encoder`: name the sound of a 2 s segment; the trunk becomes the audio encoder.

Training segments are cut where there is sound, mixed with one another in energy (mixup), changed in
loudness, and lose a few bands and moments (SpecAugment). Letters: B batch, C classes, S segments,
M mel bins, F mel frames.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from videollama.model.efficientnet_lite import EfficientNetLite
from videollama.training.batches import Batches
from videollama.training.recipe import SoundSection
from videollama.training.sample_order import SampleOrder
from videollama.training.sound_spectra import (
    CLIP_FRAMES,
    NUM_MEL_BINS,
    SEGMENT_FRAMES,
    SEGMENT_STARTS,
    SoundSpectra,
    cut,
    segment_inputs,
)
from videollama.training.stages import SOUND_ENCODER, Objective

QUIET = 0.05  # below this share of the loudest frame, a frame is quiet
LOUD_SHARE = 0.15  # of the frames of a segment
TRIES = 10
MASKS, WIDEST_BAND, LONGEST_GAP = 2, 20, 32


class SoundClassifier(Objective):
    """The sound encoder with a last layer that tells classes apart.

    Args:
        encoder: The trunk.
        num_classes: C.
        options: The recipe's `sound` section.
    """

    def __init__(self, encoder: EfficientNetLite, num_classes: int, options: SoundSection) -> None:
        super().__init__(nn.ModuleDict({"audio_encoder": encoder}), SOUND_ENCODER)
        for module in encoder.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = options.batch_norm_momentum
        self._options = options
        self.head = nn.Linear(encoder.config.hidden_size, num_classes)

    def forward(self, spectrograms: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            spectrograms: Segments, `(B, S, 1, M, F)`; a clip's answer is the mean over its own.
            targets: Share of each class, `(B, C)`.
        """
        flat = spectrograms.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features = self.model["audio_encoder"](flat).mean(dim=1)
        features = functional.dropout(features, self._options.dropout, self.training)
        logits = self.head(features).unflatten(0, spectrograms.shape[:2])
        smoothing = self._options.label_smoothing if self.training else 0.0
        mean = logits[:, 0] if logits.shape[1] == 1 else logits.log_softmax(-1).mean(dim=1)
        right = (mean.argmax(-1) == targets.argmax(-1)).float().mean()
        loss = functional.cross_entropy(mean, targets, label_smoothing=smoothing)
        return {"loss": loss, "right": right.detach()}

    def rate_of(self, name: str) -> float:
        """The new last layer learns faster than the trunk."""
        return self._options.head_rate if name.startswith("head.") else 1.0


class SoundBatches(Batches):
    """Batches of training segments; each follows from seed and number alone.

    Args:
        spectra: The sounds.
        classes: Labels in the order of the classifier's outputs.
        options: The recipe's `sound` section.
        batch_size: Segments per batch.
        length: Number of batches.
        seed: Of order and disturbances.
    """

    def __init__(
        self,
        spectra: SoundSpectra,
        classes: list[str],
        options: SoundSection,
        *,
        batch_size: int,
        length: int,
        seed: int,
    ) -> None:
        super().__init__(length)
        self._spectra, self._options = spectra, options
        self._labels = np.array([classes.index(sound.label) for sound in spectra.sounds])
        self._num_classes = len(classes)
        self._batch_size, self._seed = batch_size, seed
        self._order = SampleOrder(len(spectra.sounds), seed)

    def make(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        draw = np.random.default_rng((self._seed, number))
        chosen = self._order.take(number * self._batch_size, self._batch_size)
        energies = np.stack([self._loud_segment(sound, draw) for sound in chosen])
        gains = draw.uniform(-self._options.max_gain, self._options.max_gain, (len(chosen), 1, 1))
        energies = energies + gains.astype(np.float32)
        partners = draw.permutation(len(chosen))
        shares = np.ones(len(chosen), dtype=np.float32)
        if self._options.mixup > 0:
            drawn = draw.beta(self._options.mixup, self._options.mixup, len(chosen))
            shares = np.maximum(drawn, 1 - drawn).astype(np.float32)
        share = shares[:, None, None]
        below = energies[partners] + np.log(np.maximum(1 - share, 1e-6))
        mixed = np.logaddexp(energies + np.log(share), below)
        for segment in mixed:
            hide_bands_and_moments(segment, draw)
        targets = np.zeros((len(chosen), self._num_classes), dtype=np.float32)
        rows = np.arange(len(chosen))
        np.add.at(targets, (rows, self._labels[chosen]), shares)
        np.add.at(targets, (rows, self._labels[chosen][partners]), 1 - shares)
        return {
            "spectrograms": torch.from_numpy(segment_inputs(mixed)).unsqueeze(1),
            "targets": torch.from_numpy(targets),
            "ids": [self._spectra.sounds[sound].path.name for sound in chosen],
        }

    def _loud_segment(self, sound: int, draw: np.random.Generator) -> np.ndarray:
        """A segment in which something sounds, if ten tries find one, `(198, M)`."""
        loudness = self._spectra.loudness(sound)
        is_loud = loudness > QUIET * loudness.max()
        start = 0
        for _ in range(TRIES):
            start = int(draw.integers(0, CLIP_FRAMES - SEGMENT_FRAMES + 1))
            if is_loud[start : start + SEGMENT_FRAMES].mean() > LOUD_SHARE:
                break
        return cut(self._spectra.energies(sound), [start])[0]


class SoundValidation(Batches):
    """Whole sounds with their three segments, in order.

    Args:
        spectra: The sounds.
        classes: Labels in the order of the classifier's outputs.
        batch_size: Sounds per batch.
        limit: Only so many sounds.
    """

    def __init__(
        self, spectra: SoundSpectra, classes: list[str], *, batch_size: int, limit: int
    ) -> None:
        known = [i for i, sound in enumerate(spectra.sounds) if sound.label in classes][:limit]
        super().__init__(-(-len(known) // batch_size))
        self._spectra, self._classes, self._chosen = spectra, classes, known
        self._batch_size = batch_size

    def make(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        chosen = self._chosen[number * self._batch_size :][: self._batch_size]
        segments = np.stack([cut(self._spectra.energies(s), SEGMENT_STARTS) for s in chosen])
        labels = torch.tensor([self._classes.index(self._spectra.sounds[s].label) for s in chosen])
        return {
            "spectrograms": torch.from_numpy(segment_inputs(segments)),
            "targets": functional.one_hot(labels, len(self._classes)).float(),
            "ids": [self._spectra.sounds[s].path.name for s in chosen],
        }


def hide_bands_and_moments(energies: np.ndarray, draw: np.random.Generator) -> None:
    """Put the mean over a few bands and moments of `(198, M)`, in place."""
    for _ in range(MASKS):
        width = int(draw.integers(0, WIDEST_BAND))
        start = int(draw.integers(0, NUM_MEL_BINS - width))
        energies[:, start : start + width] = energies.mean()
        width = int(draw.integers(0, LONGEST_GAP))
        start = int(draw.integers(0, SEGMENT_FRAMES - width))
        energies[start : start + width] = energies.mean()
