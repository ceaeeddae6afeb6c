"""Stages `video_pretrain` and `audio_pretrain`: queries learn words without running the decoder.

Two losses teach the same query outputs, a hundred times cheaper than the decoder would:

    words      for every word the log-sum-exp of its cosines with the queries, binary cross-entropy;
               the words are the decoder's own embeddings, so it will understand the queries
    captioner  a small decoder writes the captions from the queries; it is thrown away afterwards

Letters: B batch, K captions per sample, L tokens, Q queries, W words, D width of the decoder.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.recipe import ReaderSizes, WordsSection
from videollama.training.stages import PICTURE_PARTS, SOUND_PARTS, Objective
from videollama.training.vocabulary import Vocabulary

LONGEST_CAPTION = 64
FIRST_SCALE = 10.0
RIGHT_OF = 5


class SmallCaptioner(nn.Module):
    """Writes captions from the queries.

    Args:
        width: Of what the queries give.
        num_tokens: Tokens that occur in captions, with number 0 for begin and end.
        sizes: Its own sizes.
    """

    def __init__(self, width: int, num_tokens: int, sizes: ReaderSizes) -> None:
        super().__init__()
        self.words = nn.Embedding(num_tokens, sizes.hidden_size)
        self.places = nn.Embedding(LONGEST_CAPTION, sizes.hidden_size)
        self.memory = nn.Linear(width, sizes.hidden_size)
        layer = nn.TransformerDecoderLayer(
            sizes.hidden_size,
            sizes.num_attention_heads,
            sizes.intermediate_size,
            dropout=0.1,
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerDecoder(layer, sizes.num_hidden_layers)
        self.norm = nn.LayerNorm(sizes.hidden_size)
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """From queries `(B, Q, D)` and tokens so far `(B, L)` to scores of the next `(B, L, V)`."""
        length = tokens.shape[1]
        hidden = self.words(tokens) + self.places.weight[:length]
        future = torch.full((length, length), float("-inf"), device=hidden.device).triu(1)
        hidden = self.layers(hidden, self.memory(queries), tgt_mask=future, tgt_is_causal=True)
        return self.norm(hidden) @ self.words.weight.T


class WordMatching(Objective):
    """One branch of the model with the two losses.

    Args:
        model: The whole model; the decoder is left alone.
        branch: Which branch learns.
        vocabulary: Words and tokens of the captions.
        options: The recipe's `words` section.
    """

    directions: Tensor
    centre: Tensor

    def __init__(
        self,
        model: VideoLlamaForConditionalGeneration,
        branch: Literal["video", "audio"],
        vocabulary: Vocabulary,
        options: WordsSection,
    ) -> None:
        super().__init__(model, PICTURE_PARTS if branch == "video" else SOUND_PARTS)
        self._branch, self._options = branch, options
        self._length = vocabulary.length
        self.register_buffer("directions", vocabulary.directions, persistent=False)
        self.register_buffer("centre", vocabulary.centre, persistent=False)
        shares = vocabulary.shares.clamp(min=1e-3)
        self.word_scale = nn.Parameter(torch.tensor(FIRST_SCALE))
        self.word_bias = nn.Parameter((shares / (1 - shares).clamp(min=1e-3)).log())
        num_tokens = len(vocabulary.token_numbers) + 1
        width = len(vocabulary.centre)
        self.captioner = SmallCaptioner(width, num_tokens, options.captioner)

    def start_at_word_length(self) -> None:
        """Scale the new projection so that queries begin about as long as word embeddings."""
        projection = getattr(self.model, f"{self._branch}_projection")
        with torch.no_grad():
            projection.weight.mul_(self._length / 10.0)

    def forward(
        self,
        features: Tensor,
        mask: Tensor,
        word_shares: Tensor,
        tokens: Tensor,
        next_tokens: Tensor,
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            features: What the frozen encoder gave, `(B, T, P, Dv)` or `(B, S, Da)`.
            mask: True where a frame or segment counts, `(B, T)` or `(B, S)`.
            word_shares: Share of a sample's captions that hold each word, `(B, W)`.
            tokens: Captions, `(B, K, L)`.
            next_tokens: What follows each token, -100 where nothing is asked.
        """
        encode = self.model.encode_video if self._branch == "video" else self.model.encode_audio
        queries = encode(features, mask)
        cosines = functional.normalize(queries - self.centre, dim=-1) @ self.directions.T
        scores = torch.logsumexp(cosines * self.word_scale, dim=1)
        scores = scores - math.log(queries.shape[1]) + self.word_bias
        words = functional.binary_cross_entropy_with_logits(scores, word_shares, reduction="sum")
        words = words / len(queries)
        memory = (queries / self._length).repeat_interleave(tokens.shape[1], dim=0)
        written = self.captioner(memory, tokens.flatten(0, 1))
        smoothing = self._options.label_smoothing if self.training else 0.0
        captions = functional.cross_entropy(
            written.flatten(0, 1), next_tokens.flatten(), label_smoothing=smoothing
        )
        length = (queries.norm(dim=-1) / self._length - 1).square().mean()
        options = self._options
        loss = options.word_weight * words + captions + options.length_weight * length
        best = scores.topk(min(RIGHT_OF, scores.shape[1]), dim=1).indices
        right = (word_shares.gather(1, best) > 0).float().mean()
        return {
            "loss": loss,
            "words": words.detach(),
            "captions": captions.detach(),
            "right_of_5": right.detach(),
        }
