"""Batches for naming: features of a sample, the words said about it, and a few captions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videollama.training.batches import Batches
from videollama.training.sample_order import SampleOrder
from videollama.training.vocabulary import Vocabulary, caption_ids
from videollama.training.word_matching import LONGEST_CAPTION

NOT_ASKED = -100
Features = Callable[[int, int], np.ndarray]
"""Gives the features of (variant, sample), float16 with time first."""


class NamedSamples:
    """Samples with features and captions, whichever branch they belong to.

    Args:
        ids: Names of the samples.
        captions: Captions of each.
        num_variants: Variants of each sample's features.
        features: Of the samples.
        vocabulary: Words and tokens of the captions.
        tokenizer: The decoder's.
    """

    def __init__(
        self,
        ids: Sequence[str],
        captions: Sequence[Sequence[str]],
        num_variants: int,
        features: Features,
        vocabulary: Vocabulary,
        tokenizer: Any,
    ) -> None:
        self.ids, self.num_variants, self.features = list(ids), num_variants, features
        self.word_shares = torch.stack([vocabulary.word_shares(said) for said in captions])
        numbers = vocabulary.token_numbers
        self.tokens = [
            [[numbers[token] for token in caption_ids(caption, tokenizer)] for caption in said]
            for said in captions
        ]


class WordBatches(Batches):
    """Batches that follow from seed and number alone.

    Args:
        samples: What they are drawn from.
        batch_size: Samples per batch.
        length: Number of batches.
        seed: Of order, variants and captions.
        captions: Captions per sample.
        shuffled: False goes through the samples in order, first variant only, for validation.
    """

    def __init__(
        self,
        samples: NamedSamples,
        *,
        batch_size: int,
        length: int,
        seed: int,
        captions: int,
        shuffled: bool = True,
    ) -> None:
        super().__init__(length)
        self._samples, self._captions, self._shuffled = samples, captions, shuffled
        self._batch_size, self._seed = batch_size, seed
        self._order = SampleOrder(len(samples.ids), seed)

    def make(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        draw = np.random.default_rng((self._seed, number))
        samples = self._samples
        if self._shuffled:
            chosen = self._order.take(number * self._batch_size, self._batch_size)
        else:
            first = number * self._batch_size
            chosen = list(range(first, min(first + self._batch_size, len(samples.ids))))
        features, spoken = [], []
        for sample in chosen:
            variant = int(draw.integers(samples.num_variants)) if self._shuffled else 0
            features.append(torch.from_numpy(np.array(samples.features(variant, sample))))
            said = samples.tokens[sample]
            spoken += [said[int(draw.integers(len(said)))] for _ in range(self._captions)]
        tokens, next_tokens = pad_captions(spoken)
        stacked = torch.stack(features).float()
        return {
            "features": stacked,
            "mask": torch.ones(stacked.shape[:2], dtype=torch.bool),
            "word_shares": samples.word_shares[chosen],
            "tokens": tokens.unflatten(0, (len(chosen), self._captions)),
            "next_tokens": next_tokens.unflatten(0, (len(chosen), self._captions)),
            "ids": [samples.ids[sample] for sample in chosen],
        }


def pad_captions(captions: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Captions with 0 before and after, as inputs and targets, both `(B, L)`."""
    shortened = [list(caption)[: LONGEST_CAPTION - 1] for caption in captions]
    length = max(len(caption) for caption in shortened) + 1
    tokens = torch.zeros(len(shortened), length, dtype=torch.long)
    next_tokens = torch.full((len(shortened), length), NOT_ASKED)
    for row, caption in enumerate(shortened):
        tokens[row, 1 : len(caption) + 1] = torch.tensor(caption)
        next_tokens[row, : len(caption) + 1] = torch.tensor([*caption, 0])
    return tokens, next_tokens
