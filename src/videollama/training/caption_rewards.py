"""Captions that the model samples itself, and what they are worth (self-critical training).

Cross-entropy teaches every human caption word by word, and so a mean of all. What is asked for in
the end is one sentence in which much stands that people say about the picture: CIDEr-D. So several
captions are sampled per picture; those better than the others of the same picture become likelier,
the worse ones less likely.

S. J. Rennie et al., "Self-critical Sequence Training for Image Captioning", CVPR 2017; the baseline
of a sample is the mean of the picture's other samples (R. Luo, arXiv 2003.09971).

Letters: N pictures, K samples of each, Q queries, D width of the decoder, A supervised tokens.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from videollama.consensus import CiderD, caption_tokens
from videollama.model.decoder_cache import CACHE_ARGUMENT
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.training.branches import Branch, PackedBatch, pack_clip, pad_clips
from videollama.training.clip_batches import PromptTree
from videollama.training.recipe import ClipsSection

END_WORD = "<end>"
"""Counts as the last word of a caption, or captions would learn to stop in mid-phrase."""


class CaptionRewards:
    """Samples captions of pictures, and weighs them by CIDEr-D.

    Args:
        processor: Turns tokens into text.
        tree: Lays the prompt out.
        captions: Of the training photos; they say how telling each phrase is.
        options: The recipe's `clips` section.
    """

    def __init__(
        self,
        processor: VideoLlamaProcessor,
        tree: PromptTree,
        captions: Sequence[Sequence[str]],
        options: ClipsSection,
    ) -> None:
        self._processor, self._tree, self._options = processor, tree, options
        self.temperature = options.temperature
        self._metric = CiderD([[_words(caption) for caption in each] for each in captions])
        self._prefix, self._question = tree.picture_prompt()

    @torch.no_grad()
    def sample(self, model: VideoLlamaForConditionalGeneration, video: Tensor) -> list[list[int]]:
        """Write K captions of each picture.

        Args:
            model: The whole model.
            video: Tokens of the pictures, `(N, Q, D)`.

        Returns:
            `N * K` captions as token ids, the K of a picture next to one another. One that found no
            end within `sampled_tokens` has no end token.
        """
        options, decoder = self._options, model.language_model
        prompt = torch.tensor([*self._tree.common_ids, *self._prefix, *self._question])
        words = model.embed_prompt(
            prompt.expand(len(video), -1).to(video.device), video_embeds=video
        )
        cache = DynamicCache()
        memory: dict[str, Any] = {CACHE_ARGUMENT: cache, "use_cache": True, "logits_to_keep": 1}
        logits = decoder(inputs_embeds=words.to(decoder.dtype), **memory).logits[:, -1]
        cache.batch_repeat_interleave(options.samples)
        logits = logits.repeat_interleave(options.samples, dim=0)
        written: list[Tensor] = []
        ended = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
        while True:
            drawn = torch.multinomial((logits.float() / self.temperature).softmax(dim=-1), 1)
            written.append(drawn)
            ended |= drawn[:, 0] == self._tree.end_token_id
            if bool(ended.all()) or len(written) == options.sampled_tokens:
                break
            logits = decoder(input_ids=drawn, **memory).logits[:, -1]
        return [self._until_end(row) for row in torch.cat(written, dim=1).tolist()]

    def weigh(
        self, sampled: Sequence[list[int]], references: Sequence[Sequence[str]]
    ) -> tuple[PackedBatch, Tensor, float]:
        """Lay sampled captions out for a pass with gradients, and say how much each is worth.

        Args:
            sampled: What :meth:`sample` gave.
            references: The human captions of each of the N pictures.

        Returns:
            The packed captions; for each of their tokens the caption's advantage over the picture's
            other samples, in standard deviations of the batch, `(A,)`; the mean CIDEr-D, times 100.
        """
        number = self._options.samples
        groups = [sampled[first : first + number] for first in range(0, len(sampled), number)]
        human = [[_words(caption) for caption in captions] for captions in references]
        scores = torch.tensor(
            [
                [self._score(ids, words) for ids in group]
                for group, words in zip(groups, human, strict=True)
            ]
        )
        others = (scores.sum(dim=1, keepdim=True) - scores) / (number - 1)
        advantages = scores - others
        worth = (advantages / advantages.std().clamp(min=1e-6)).flatten().tolist()
        clips = [pack_clip(self._prefix, [Branch(self._question, list(each))]) for each in groups]
        weights = [value for ids, value in zip(sampled, worth, strict=True) for _ in ids]
        packed = pad_clips(clips, self._tree.pad_token_id)
        return packed, torch.tensor(weights), 100.0 * float(scores.mean())

    def _score(self, ids: Sequence[int], human: Sequence[Sequence[str]]) -> float:
        """CIDEr-D from 0 to 10; nothing for a caption without an end."""
        if ids[-1] != self._tree.end_token_id:
            return 0.0
        return self._metric.score(_words(self._processor.decode_answer(ids)), human)

    def _until_end(self, row: list[int]) -> list[int]:
        end = self._tree.end_token_id
        return row[: row.index(end) + 1] if end in row else row


def _words(caption: str) -> list[str]:
    return [*caption_tokens(caption), END_WORD]
