"""Stage `instruct`: queries learn to make the frozen decoder answer.

What every prompt has in common is read once and kept as the decoder's cache; behind it each clip is
one packed row whose questions and answers branch off (see `branches`). Letters: as there, and
N clips with pictures, M clips with sound, D width of the decoder.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from videollama.model.decoder_cache import CACHE_ARGUMENT
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.branches import PackedBatch
from videollama.training.caption_rewards import CaptionRewards
from videollama.training.common_beginning import CommonBeginning
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
        rewards: Samples captions of pictures beside; None leaves that out.
        reward_weight: Weight of that.
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
        rewards: CaptionRewards | None = None,
        reward_weight: float = 0.0,
    ) -> None:
        super().__init__(model, parts)
        self._opening_weight, self._word_weight = opening_weight, word_weight
        self.naming = naming
        self._rewards, self._reward_weight = rewards, reward_weight
        # The plain form: on a CPU the fused kernel is a fifth slower with a mask and backwards.
        model.language_model.set_attn_implementation("eager")
        self._common_ids = tuple(common_ids)
        self._beginning = CommonBeginning(model.language_model)

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
        pictures: Tensor | None = None,
        references: Sequence[Sequence[str]] = (),
    ) -> dict[str, Tensor]:
        """Loss of a batch.

        Args:
            input_ids: Packed prompts, `(B, L)`; likewise the next five, see `PackedBatch`.
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
            pictures: Which of the N clips are single pictures.
            references: Human captions of each of those.
        """
        packed = PackedBatch(input_ids, position_ids, visible, sources, targets, decisive)
        video = audio = None
        if frame_features is not None:
            video = self.model.encode_video(frame_features, pixel_mask)
        if segment_features is not None:
            audio = self.model.encode_audio(segment_features, audio_mask)
        logits = self._logits(packed, video, audio)
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
            numbers["loss"] = numbers["loss"] + self._word_weight * named["words"]
            numbers["right_of_5"] = named["right_of_5"]
        if video is not None and self._rewards is not None and references and pictures is not None:
            loss, numbers["reward"] = self._rewarded(self._rewards, video[pictures], references)
            numbers["loss"] = numbers["loss"] + self._reward_weight * loss
        return numbers

    def _rewarded(
        self, rewards: CaptionRewards, video: Tensor, references: Sequence[Sequence[str]]
    ) -> tuple[Tensor, Tensor]:
        """Loss that makes better captions likelier, and how good the sampled ones are."""
        sampled = rewards.sample(self.model, video)
        packed, worth, mean = rewards.weigh(sampled, references)
        moved = PackedBatch(*(field.to(video.device) for field in vars(packed).values()))
        logits = self._logits(moved, video, None) / rewards.temperature
        losses = functional.cross_entropy(logits.float(), moved.targets, reduction="none")
        return (losses * worth.to(losses)).mean(), torch.tensor(mean)

    def _logits(self, packed: PackedBatch, video: Tensor | None, audio: Tensor | None) -> Tensor:
        """What the decoder expects where an answer's token is asked for, `(A, vocabulary)`."""
        model = self.model
        words = model.embed_prompt(packed.input_ids, video_embeds=video, audio_embeds=audio)
        batch, length = packed.input_ids.shape
        known = len(self._common_ids)
        bias = words.new_zeros(batch, 1, length, known + length)
        bias[:, 0, :, known:].masked_fill_(~packed.visible, torch.finfo(words.dtype).min)
        hidden = model.language_model.model(
            inputs_embeds=words,
            attention_mask=bias,
            position_ids=packed.position_ids + known,
            use_cache=True,
            **{CACHE_ARGUMENT: self._beginning.cache(self._common_ids, batch, words.device)},
        ).last_hidden_state
        return model.language_model.lm_head(hidden.flatten(0, 1)[packed.sources])
