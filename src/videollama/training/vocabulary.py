"""The words of captions as the decoder knows them: its own embeddings, which are frozen.

Letters: W words, D width of the decoder.
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

# Words that say little about what is seen or heard.
_LITTLE_SAYING = """
a an the in on of is are and with to his her at by its it while for from as their that up there
through over into down out near next front one some other being has have be behind around off under
along across who this they he she them him it's 's very each together something someone
"""


@dataclass(frozen=True)
class Vocabulary:
    """Words to be named.

    Attributes:
        words: The words, in the order of the columns below.
        directions: Their embeddings, centred and of length 1, `(W, D)`.
        centre: Mean of all embeddings, `(D,)`.
        length: Mean length of a centred embedding.
        full_length: Mean length of an embedding as it is.
        shares: Mean over the training samples of each word's share of the captions, `(W,)`.
    """

    words: tuple[str, ...]
    directions: Tensor
    centre: Tensor
    length: float
    full_length: float
    shares: Tensor

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
    training: Sequence[Captions], embeddings: Tensor, tokenizer: Any, *, min_samples: int
) -> Vocabulary:
    """Collect the telling words of the training captions.

    Args:
        training: Captions of each training sample.
        embeddings: The decoder's, `(vocabulary, D)`.
        tokenizer: The decoder's.
        min_samples: Words of fewer samples are left out.

    Raises:
        DataError: No word is left.
    """
    skipped = set(_LITTLE_SAYING.split())
    counts = Counter(
        word
        for captions in training
        for word in sorted({word for caption in captions for word in words_of(caption)})
        if word not in skipped and len(word) > 1
    )
    words = tuple(word for word, count in counts.items() if count >= min_samples)
    if not words:
        raise DataError(
            f"No word occurs in {min_samples} of the {len(training)} training samples; "
            "lower words.min_samples or give more data."
        )
    centre = embeddings.mean(dim=0)
    spoken = [embeddings[tokenizer(f" {word}").input_ids].mean(dim=0) for word in words]
    vocabulary = Vocabulary(
        words=words,
        directions=functional.normalize(torch.stack(spoken) - centre, dim=-1),
        centre=centre,
        length=float((embeddings - centre).norm(dim=-1).mean()),
        full_length=float(embeddings.norm(dim=-1).mean()),
        shares=torch.zeros(len(words)),
    )
    mean = torch.stack([vocabulary.word_shares(captions) for captions in training]).mean(dim=0)
    vocabulary.shares.copy_(mean)
    return vocabulary


def words_of(caption: str) -> set[str]:
    """The words of a caption, in small letters."""
    return set(re.findall(r"[a-z']+", caption.lower()))
