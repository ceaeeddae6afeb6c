"""Stage `instruct`: queries learn to make the frozen decoder answer.

What every prompt has in common is read once and kept as the decoder's cache; behind it each clip is
one packed row whose questions and answers branch off (see `branches`). Letters: as there, and
N clips with pictures, M clips with sound, D width of the decoder.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache

from videollama.model.decoder_cache import CACHE_ARGUMENT
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.stages import Objective
from videollama.training.word_matching import WordNaming


class BranchedAnswers(Objective):
    """The whole model with the loss over the answers.

    Args:
        model: The whole model.
        parts: What is trained.
        common_ids: What every prompt begins with.
        opening_weight: Weight of a word that decides an answer; other words have 1.
        naming: Names the captions' words beside; None leaves that out.
        word_weight: Weight of that.
    """

    def __init__(
        self,
        model: VideoLlamaForConditionalGeneration,
        parts: Sequence[str],
        common_ids: Sequence[int],
        *,
        opening_weight: float = 1.0,
        naming: WordNaming | None = None,
        word_weight: float = 0.0,
    ) -> None:
        super().__init__(model, parts)
        self._opening_weight, self._word_weight = opening_weight, word_weight
        self.naming = naming
        # The plain form: on a CPU the fused kernel is a fifth slower with a mask and backwards.
        model.language_model.set_attn_implementation("eager")
        self._common = torch.tensor([list(common_ids)])
        self._kept: list[tuple[Tensor, Tensor]] = []

    def forward(  # noqa: PLR0913  (the fields of a batch)
        self,
        input_ids: Tensor,
        position_ids: Tensor,
        visible: Tensor,
        sources: Tensor,
        targets: Tensor,
        decisive: Tensor,
        word_shares: Tensor | None = None,
        frame_features: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        segment_features: Tensor | None = None,
        audio_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Loss of a batch.

        Args:
            input_ids: Packed prompts, `(B, L)`; likewise the next four, see `PackedBatch`.
            position_ids: `(B, L)`.
            visible: `(B, L, L)`.
            sources: `(A,)`.
            targets: `(A,)`.
            decisive: `(A,)`.
            word_shares: See :meth:`WordNaming.forward`, `(N, G, W)`.
            frame_features: What the image encoder gave, `(N, T, P, Dv)`.
            pixel_mask: `(N, T)`.
            segment_features: What the sound encoder gave, `(M, S, Da)`.
            audio_mask: `(M, S)`.
        """
        model = self.model
        video = None
        if frame_features is not None:
            video = model.encode_video(frame_features, pixel_mask)
        words = model.embed_prompt(
            input_ids,
            video_embeds=video,
            audio_embeds=None
            if segment_features is None
            else model.encode_audio(segment_features, audio_mask),
        )
        batch, length = input_ids.shape
        known = self._common.shape[1]
        bias = words.new_zeros(batch, 1, length, known + length)
        bias[:, 0, :, known:].masked_fill_(~visible, torch.finfo(words.dtype).min)
        hidden = model.language_model.model(
            inputs_embeds=words,
            attention_mask=bias,
            position_ids=position_ids + known,
            use_cache=True,
            **{CACHE_ARGUMENT: self._cache(batch, words.device)},
        ).last_hidden_state
        logits = model.language_model.lm_head(hidden.flatten(0, 1)[sources])
        losses = functional.cross_entropy(logits.float(), targets, reduction="none")
        weights = torch.where(decisive, self._opening_weight, 1.0)
        answers = (losses * weights).sum() / weights.sum()
        if torch.is_grad_enabled() and not answers.requires_grad:
            # A batch of silent clips teaches nothing, but the trainer goes backwards all the same.
            answers = answers + 0.0 * next(p for p in self.parameters() if p.requires_grad).sum()
        numbers = {"loss": answers, "answers": answers.detach()}
        if bool(decisive.any()):
            right = logits[decisive].argmax(dim=-1) == targets[decisive]
            numbers["decided"] = right.float().mean()
        if video is not None and word_shares is not None and self.naming is not None:
            named = self.naming(video, word_shares)
            numbers["loss"] = answers + self._word_weight * named["words"]
            numbers["right_of_5"] = named["right_of_5"]
        return numbers

    def _cache(self, batch: int, device: torch.device) -> DynamicCache:
        """The decoder's memory of what all prompts begin with, for a batch."""
        decoder = self.model.language_model.model
        if not self._kept or self._kept[0][0].device != device:
            with torch.no_grad():
                first = DynamicCache()
                decoder(self._common.to(device), use_cache=True, **{CACHE_ARGUMENT: first})
            self._kept = [(layer.keys, layer.values) for layer in first.layers]  # type: ignore[union-attr,misc]
        cache = DynamicCache()
        for number, (keys, values) in enumerate(self._kept):
            shape = (batch, *keys.shape[1:])
            cache.update(keys.expand(shape), values.expand(shape), number)
        return cache
