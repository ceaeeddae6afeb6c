"""Stage `finetune`: the trained branches learn to make the frozen decoder answer.

Letters: B samples, L tokens, N clips with pictures, M clips with sound, T frames, S segments,
P patches, Dv and Da widths of the encoders.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from transformers.modeling_layers import GradientCheckpointingLayer

from videollama.model.decoder_cache import CACHE_ARGUMENT
from videollama.training.common_beginning import CommonBeginning
from videollama.training.finetuning.frozen_frames import video_of_frozen
from videollama.training.labels import IGNORED
from videollama.training.stages import Objective, is_low_rank

_DECODER = "language_model."


class PromptedAnswers(Objective):
    """The whole model with the mean loss over the learned tokens.

    A frozen decoder reads what all prompts of a batch begin with once, and gradients end there.

    Args:
        model: The whole model.
        parts: What is trained.
    """

    def __init__(self, model: nn.Module, parts: Sequence[str]) -> None:
        super().__init__(model, parts)
        self._beginning = CommonBeginning(self.model.language_model)
        if self.model.device.type == "cpu":
            # The plain form: the fused kernel is a fifth slower there with a mask and backwards.
            self.model.language_model.set_attn_implementation("eager")

    def train(self, mode: bool = True) -> "PromptedAnswers":
        """Set the mode of what is trained, the dropout of low-rank changes with it.

        Decoder layers that are computed twice look at their own mode for it; what is in them, a
        dropout of theirs too, stays as it is used.
        """
        super().train(mode)
        for name, module in self.model.named_modules():
            if is_low_rank(name):
                module.train(mode)
            elif isinstance(module, GradientCheckpointingLayer) and name.startswith(_DECODER):
                module.training = mode and module.gradient_checkpointing
        return self

    def forward(
        self,
        input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        attention_mask: Tensor | None = None,
        frame_features: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        segment_features: Tensor | None = None,
        audio_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Loss of a batch, and the share of its learned tokens that the model expects.

        Args:
            input_ids: Prompts, padded on the right, `(B, L)`; None for a batch without samples.
            labels: What is learned, `(B, L)`, -100 elsewhere.
            attention_mask: True where a token belongs to its sample, `(B, L)`.
            frame_features: What the frozen picture parts gave, `(N, T, P, Dv)`.
            pixel_mask: True where a frame belongs to its clip, `(N, T)`.
            segment_features: What the audio encoder gave, `(M, S, Da)`.
            audio_mask: True where a segment belongs to its clip, `(M, S)`.
        """
        model, nothing = self.model, self._nothing()
        if input_ids is None or labels is None or attention_mask is None:
            if isinstance(self, FSDPModule):  # all processes gather the same layers
                word = torch.zeros(1, 1, dtype=torch.long, device=nothing.device)
                nothing = nothing + 0.0 * model(input_ids=word, use_cache=False).logits.sum()
            return {"loss": nothing}
        media = self._media(frame_features, pixel_mask, segment_features, audio_mask)
        asked = labels[:, 1:]
        some_asked = (asked != IGNORED).any(dim=0).nonzero()[:, 0]
        asked = asked[:, some_asked]
        common = self._num_common(input_ids, attention_mask, some_asked)
        logits = model(
            input_ids=input_ids[:, common:],
            attention_mask=attention_mask.long(),
            **media,
            **self._read_before(input_ids[:, :common]),
            logits_to_keep=some_asked - common,
        ).logits
        learned = asked != IGNORED
        chosen, targets = logits[learned].float(), asked[learned]
        loss = torch.nn.functional.cross_entropy(chosen, targets)
        right = (chosen.argmax(dim=-1) == targets).float().mean()
        # A batch of samples without the trained branch teaches nothing, but goes backwards.
        return {"loss": loss + nothing, "right": right}

    @torch.no_grad()
    def answer(self, batch: Mapping[str, Tensor], max_new_tokens: int) -> Tensor:
        """Answer the first question of one sample.

        Args:
            batch: Of this sample alone; see `forward`.
            max_new_tokens: Longest answer.

        Returns:
            Tokens of the likeliest answer, `(L,)`, each the likeliest after those before.
        """
        names = ("frame_features", "pixel_mask", "segment_features", "audio_mask")
        media = self._media(*(batch.get(name) for name in names))
        asked = batch["input_ids"][:, : _first_asked(batch["labels"])]
        mask = torch.ones_like(asked)
        return self.model.generate(
            asked, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False, **media
        )[0]

    def _media(
        self,
        frame_features: Tensor | None,
        pixel_mask: Tensor | None,
        segment_features: Tensor | None,
        audio_mask: Tensor | None,
    ) -> dict[str, Tensor]:
        media = {}
        if frame_features is not None:
            media["video_embeds"] = video_of_frozen(self.model, frame_features, pixel_mask)
        if segment_features is not None:
            media["audio_embeds"] = self.model.encode_audio(segment_features, audio_mask)
        return media

    def _num_common(self, input_ids: Tensor, mask: Tensor, asking: Tensor) -> int:
        """How many words all samples begin with, before media and the first of the `asking` places.

        None where the decoder learns too, or where its layers must be gone through as often in all
        processes (FSDP) or are computed twice.
        """
        decoder = self.model.language_model
        if isinstance(self, FSDPModule) or decoder.is_activation_checkpointing:
            return 0
        if any(parameter.requires_grad for parameter in decoder.parameters()):
            return 0
        config = self.model.config
        is_medium = (input_ids == config.video_token_id) | (input_ids == config.audio_token_id)
        ends = (is_medium | (input_ids != input_ids[:1]) | ~mask.bool()).any(dim=0)
        ends[asking[:1]] = True
        return int(ends.int().argmax())

    def _read_before(self, input_ids: Tensor) -> dict[str, Any]:
        """How the decoder is told of a beginning, `(B, L)` of equal rows, that it has read."""
        rows, length = input_ids.shape
        if length == 0:
            return {"use_cache": False}
        cache = self._beginning.cache(input_ids[0].tolist(), rows, input_ids.device)
        return {"use_cache": True, CACHE_ARGUMENT: cache}

    def _nothing(self) -> Tensor:
        """Zero, but a function of trained weights, so that every batch can go backwards.

        With FSDP of all that are gathered for the whole step: their gradients are joined in one
        piece, which must be as large in every process.
        """
        learned = [p for p in self.parameters() if p.requires_grad and not isinstance(p, DTensor)]
        touched = learned if isinstance(self, FSDPModule) else learned[:1]
        return 0.0 * torch.stack([parameter.sum() for parameter in touched]).sum()


def _first_asked(labels: Tensor) -> int:
    """The first place, but the very first, where any sample of `(B, L)` labels is asked."""
    return max(1, int((labels != IGNORED).any(dim=0).nonzero()[0]))
