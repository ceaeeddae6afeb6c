"""Stages `video_pretrain` and `audio_pretrain`: queries learn words without running the decoder.

For every telling word, the log-sum-exp of its cosines with the queries says how surely it is named,
and binary cross-entropy compares that with the captions. The words are the decoder's own frozen
embeddings, so it will understand the queries; and a step costs a hundredth of one through the
decoder. Of a clip with two scenes, the first half of the queries names the first scene and the
second half the last, so that the order is not lost.

Letters: B batch, Q queries, G groups of queries, W words, D width of the decoder.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.recipe import WordsSection
from videollama.training.stages import PICTURE_PARTS, SOUND_PARTS, Objective
from videollama.training.vocabulary import Vocabulary

RIGHT_OF = 5


class WordNaming(nn.Module):
    """Compares queries with words, and what they name with captions.

    Args:
        vocabulary: The words.
        scale: What cosines are multiplied with at first; learned.
        bias_shift: Added to the log odds of the words, at first; learned.
    """

    directions: Tensor
    centre: Tensor

    def __init__(self, vocabulary: Vocabulary, scale: float, bias_shift: float) -> None:
        super().__init__()
        self.length = vocabulary.length
        self.register_buffer("directions", vocabulary.directions, persistent=False)
        self.register_buffer("centre", vocabulary.centre, persistent=False)
        shares = vocabulary.shares.clamp(min=1e-3, max=1 - 1e-3)
        self.word_scale = nn.Parameter(torch.tensor(scale))
        self.word_bias = nn.Parameter((shares / (1 - shares)).log() + bias_shift)

    def forward(self, queries: Tensor, word_shares: Tensor) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            queries: Tokens for the decoder, `(B, Q, D)`.
            word_shares: Share of the captions that hold each word, per group of queries,
                `(B, G, W)`.

        Returns:
            `words`, the cross-entropy summed over the words; `length`, by how much queries are
            longer or shorter than word embeddings; `right_of_5`, the share of right words among
            the five likeliest.
        """
        queries = queries - self.centre
        groups = word_shares.shape[1]
        per_group = queries.shape[1] // groups
        cosines = functional.normalize(queries, dim=-1) @ self.directions.T
        grouped = (cosines * self.word_scale)[:, : groups * per_group]
        scores = (
            torch.logsumexp(grouped.reshape(*word_shares.shape[:2], per_group, -1), dim=2)
            - math.log(per_group)
            + self.word_bias
        )
        words = functional.binary_cross_entropy_with_logits(scores, word_shares, reduction="sum")
        best = scores.topk(min(RIGHT_OF, scores.shape[-1]), dim=-1).indices
        return {
            "words": words / (len(queries) * groups),
            "length": (queries.norm(dim=-1) / self.length - 1).square().mean(),
            "right_of_5": (word_shares.gather(-1, best) > 0).float().mean(),
        }


class WordMatching(Objective):
    """One branch of the model, with words to be named.

    Args:
        model: The whole model; the decoder is left alone.
        branch: Which branch learns.
        vocabulary: The words.
        options: The recipe's `words` section.
    """

    def __init__(
        self,
        model: VideoLlamaForConditionalGeneration,
        branch: Literal["video", "audio"],
        vocabulary: Vocabulary,
        options: WordsSection,
    ) -> None:
        super().__init__(model, PICTURE_PARTS if branch == "video" else SOUND_PARTS)
        self._branch, self._options, self._vocabulary = branch, options, vocabulary
        self.naming = WordNaming(vocabulary, options.scale, options.bias_shift)

    def start_at_word_length(self) -> None:
        """Scale the new projection so that queries begin about as long as word embeddings."""
        projection = getattr(self.model, f"{self._branch}_projection")
        spread = self.model.config.initializer_range
        spread *= math.sqrt(projection.in_features * projection.out_features)
        with torch.no_grad():
            projection.weight.mul_(self._vocabulary.full_length / spread)

    def forward(self, features: Tensor, mask: Tensor, word_shares: Tensor) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            features: What the frozen encoder gave, `(B, T, P, Dv)` or `(B, S, Da)`.
            mask: True where a frame or segment counts, `(B, T)` or `(B, S)`.
            word_shares: See :meth:`WordNaming.forward`.
        """
        encode = self.model.encode_video if self._branch == "video" else self.model.encode_audio
        named = self.naming(encode(features, mask), word_shares)
        loss = self._options.word_weight * named["words"]
        loss = loss + self._options.length_weight * named["length"]
        return {
            "loss": loss,
            "words": named["words"].detach(),
            "right_of_5": named["right_of_5"],
        }

    def rate_of(self, name: str) -> float:
        """Scale and biases of the words learn faster than the branch."""
        return self._options.scale_rate if name.startswith("naming.") else 1.0
