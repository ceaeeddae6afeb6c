"""Batches for naming: features of clips of one or two scenes, or of sounds, and their words.

Letters: B batch, T frames, P patches, S segments, W words, D width of the features.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from videollama.training.batches import Batches
from videollama.training.photo_views import PhotoViews
from videollama.training.recipe import WordsSection
from videollama.training.sample_order import SampleOrder
from videollama.training.sound_features import SoundFeatures

FRAMES_OF_TWO_SCENES = (2, 5)  # from 2 to 4
NUM_GROUPS = 2  # of queries: one for the first scene, one for the last


class PhotoWords(Batches):
    """Photos, or two of them one after the other; the same number of frames within a batch.

    Args:
        photos: What is shown.
        shares: Share of the captions of each photo that hold each word, `(photos, W)`.
        options: The recipe's `words` section.
        batch_size: Clips per batch.
        length: Number of batches.
        seed: Of order, views and cuts.
        shuffled: False goes through the photos in order, every second batch with two scenes.
    """

    def __init__(
        self,
        photos: PhotoViews,
        shares: Tensor,
        options: WordsSection,
        *,
        batch_size: int,
        length: int,
        seed: int,
        shuffled: bool = True,
    ) -> None:
        super().__init__(length)
        self._photos, self._shares, self._options = photos, shares, options
        self._batch_size, self._seed, self._shuffled = batch_size, seed, shuffled
        self._order = SampleOrder(len(photos.photos), seed)

    def make(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        draw = np.random.default_rng((self._seed, number))
        place = number * self._batch_size
        count = len(self._photos.photos)
        if self._shuffled:
            chosen = self._order.take(place, self._batch_size)
            two_scenes = draw.random() < self._options.two_scenes
        else:
            chosen = [index % count for index in range(place, place + self._batch_size)]
            two_scenes = number % 2 == 1
        frames = int(draw.integers(*FRAMES_OF_TWO_SCENES)) if two_scenes else 1
        clips, shares, ids = [], [], []
        for photo in chosen:
            other = int(draw.integers(count)) if two_scenes else photo
            cut = int(draw.integers(1, frames)) if two_scenes else 1
            first, second = self._features(photo, draw), self._features(other, draw)
            clips.append(np.stack([first] * cut + [second] * (frames - cut)))
            shares.append(torch.stack([self._shares[photo], self._shares[other]]))
            names = dict.fromkeys(self._photos.photos[p].path.name for p in (photo, other))
            ids.append(" + ".join(names))
        features = torch.from_numpy(np.stack(clips)).float()
        mask = torch.ones(features.shape[:2], dtype=torch.bool)
        return {"features": features, "mask": mask, "word_shares": torch.stack(shares), "ids": ids}

    def _features(self, photo: int, draw: np.random.Generator) -> np.ndarray:
        view = int(draw.integers(self._photos.num_views)) if self._shuffled else 0
        return self._photos.features(view, photo)


class SoundWords(Batches):
    """Sounds, with noise on their features and some segments hidden while training.

    Args:
        sounds: What is heard.
        shares: Words of each sound's name, `(sounds, W)`.
        options: The recipe's `words` section.
        batch_size: Sounds per batch.
        length: Number of batches.
        seed: Of order, variants and noise.
        shuffled: False goes through the sounds in order, clean and whole.
    """

    def __init__(
        self,
        sounds: SoundFeatures,
        shares: Tensor,
        options: WordsSection,
        *,
        batch_size: int,
        length: int,
        seed: int,
        shuffled: bool = True,
    ) -> None:
        super().__init__(length)
        self._sounds, self._shares, self._options = sounds, shares, options
        self._batch_size, self._seed, self._shuffled = batch_size, seed, shuffled
        self._order = SampleOrder(len(sounds.sounds), seed)

    def make(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        place, count = number * self._batch_size, len(self._sounds.sounds)
        if self._shuffled:
            chosen = self._order.take(place, self._batch_size)
        else:
            chosen = [index % count for index in range(place, place + self._batch_size)]
        draw = np.random.default_rng((self._seed, number))
        variants = [
            int(draw.integers(self._sounds.num_variants)) if self._shuffled else 0 for _ in chosen
        ]
        rows = [self._sounds.features(v, s) for v, s in zip(variants, chosen, strict=True)]
        features = torch.from_numpy(np.stack(rows)).float()
        mask = torch.ones(features.shape[:2], dtype=torch.bool)
        if self._shuffled:
            noise = torch.from_numpy(draw.standard_normal(features.shape, dtype=np.float32))
            features = features * (1 + self._options.feature_noise * noise)
            kept = draw.random(tuple(mask.shape)) >= self._options.segment_dropout
            kept[:, 0] = True
            mask = torch.from_numpy(kept)
        return {
            "features": features,
            "mask": mask,
            "word_shares": self._shares[chosen].unsqueeze(1),
            "ids": [self._sounds.sounds[sound].path.name for sound in chosen],
        }
