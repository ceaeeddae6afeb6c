"""The words of captions as the decoder knows them: its own embeddings, which are frozen.

Letters: N samples, W words, D width of the decoder.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from videollama.errors import DataError

Captions = Sequence[str]
"""What people say about one sample."""


@dataclass(frozen=True)
class Vocabulary:
    """Words to be named, and tokens to be written.

    Attributes:
        words: The words, in the order of the columns below.
        directions: Their embeddings, centred and of length 1, `(W, D)`.
        centre: Mean of all embeddings, `(D,)`.
        length: Mean length of an embedding.
        shares: Mean over the training samples of each word's share of the captions, `(W,)`.
        token_numbers: Small numbers, from 1, for the decoder's ids that occur in captions.
    """

    words: tuple[str, ...]
    directions: Tensor
    centre: Tensor
    length: float
    shares: Tensor
    token_numbers: dict[int, int]

    def word_shares(self, captions: Captions) -> Tensor:
        """Share of the captions that hold each word, `(W,)`."""
        numbers = {word: number for number, word in enumerate(self.words)}
        shares = torch.zeros(len(self.words))
        for caption in captions:
            for word in words_of(caption):
                if word in numbers:
                    shares[numbers[word]] += 1.0 / len(captions)
        return shares.clamp(max=1.0)


def build_vocabulary(
    training: Sequence[Captions],
    validation: Sequence[Captions],
    embeddings: Tensor,
    tokenizer: Any,
    *,
    min_samples: int,
) -> Vocabulary:
    """Collect the words of the training captions and the tokens of all captions.

    Args:
        training: Captions of each training sample.
        validation: Captions of each validation sample.
        embeddings: The decoder's, `(vocabulary, D)`.
        tokenizer: The decoder's.
        min_samples: Words of fewer training samples are left out.

    Raises:
        DataError: No word is left.
    """
    counts = Counter(
        word
        for captions in training
        for word in sorted({word for caption in captions for word in words_of(caption)})
    )
    words = tuple(word for word, count in counts.items() if count >= min_samples)
    if not words:
        raise DataError(
            f"No word occurs in {min_samples} of the {len(training)} training samples; "
            "lower words.min_samples or give more data."
        )
    centre = embeddings.mean(dim=0)
    spoken = [embeddings[tokenizer(f" {word}").input_ids].mean(dim=0) for word in words]
    ids = sorted(
        {
            token
            for captions in (*training, *validation)
            for caption in captions
            for token in caption_ids(caption, tokenizer)
        }
    )
    vocabulary = Vocabulary(
        words=words,
        directions=functional.normalize(torch.stack(spoken) - centre, dim=-1),
        centre=centre,
        length=float(embeddings.norm(dim=-1).mean()),
        shares=torch.zeros(len(words)),
        token_numbers={token: number for number, token in enumerate(ids, start=1)},
    )
    mean = torch.stack([vocabulary.word_shares(captions) for captions in training]).mean(dim=0)
    vocabulary.shares.copy_(mean)
    return vocabulary


def words_of(caption: str) -> set[str]:
    """The words of a caption, in small letters."""
    return set(re.findall(r"[a-z']+", caption.lower()))


def caption_ids(caption: str, tokenizer: Any) -> list[int]:
    """A caption as the decoder would go on with it inside a sentence."""
    ids: list[int] = tokenizer(f" {caption[:1].lower()}{caption[1:]}").input_ids
    return ids
