"""Stage `finetune`: the trained branches learn to make the frozen decoder answer.

Letters: B samples, L tokens, N clips with pictures, M clips with sound, T frames, S segments,
P patches, Dv and Da widths of the encoders.
"""

import torch
from torch import Tensor

from videollama.training.finetuning.frozen_frames import video_of_frozen
from videollama.training.labels import IGNORED
from videollama.training.stages import Objective


class PromptedAnswers(Objective):
    """The whole model with the mean loss over the learned tokens."""

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
        nothing = 0.0 * next(p for p in self.parameters() if p.requires_grad).sum()
        if input_ids is None or labels is None or attention_mask is None:
            return {"loss": nothing}
        model = self.model
        video = audio = None
        if frame_features is not None:
            video = video_of_frozen(model, frame_features, pixel_mask)
        if segment_features is not None:
            audio = model.encode_audio(segment_features, audio_mask)
        first = int((labels != IGNORED).any(dim=0).nonzero()[0])
        asked = labels[:, max(first, 1) :]
        logits = model(
            input_ids=input_ids,
            attention_mask=attention_mask.long(),
            video_embeds=video,
            audio_embeds=audio,
            logits_to_keep=asked.shape[1] + 1,
            use_cache=False,
        ).logits[:, :-1]
        learned = asked != IGNORED
        chosen, targets = logits[learned].float(), asked[learned]
        loss = torch.nn.functional.cross_entropy(chosen, targets)
        right = (chosen.argmax(dim=-1) == targets).float().mean()
        # A batch of samples without the trained branch teaches nothing, but goes backwards.
        return {"loss": loss + nothing, "right": right}
