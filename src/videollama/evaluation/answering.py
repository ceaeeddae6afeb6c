"""Who answers: anything that turns clips and questions into sentences, usually the engine."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BatchFeature

from videollama.inference.engine import VideoLlama
from videollama.inference.generation import encode_media, write
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.media.clip import Clip
from videollama.prompts import encode_plain_text


class Answerer(Protocol):
    """Answers one question per clip, several at a time."""

    def fingerprint(self) -> str:
        """Tells one set of weights from another."""

    def answer(
        self, clips: Sequence[Clip | None], questions: Sequence[str], max_new_tokens: int
    ) -> list[str]:
        """Answer each question about the clip of the same position; None is no clip at all."""

    def choose(
        self,
        clips: Sequence[Clip | None],
        questions: Sequence[str],
        options: Sequence[Sequence[str]],
    ) -> list[int]:
        """The place of the likeliest of each question's options."""


class EngineAnswerer:
    """The model itself, without chance.

    Args:
        assistant: A loaded model.
        num_beams: Beginnings of an answer that are followed at once; 1 is greedy.
    """

    def __init__(self, assistant: VideoLlama, *, num_beams: int = 1) -> None:
        self._num_beams = num_beams
        self._model = assistant.model
        self._processor = assistant.processor

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over the first values of every weight."""
        digest = hashlib.sha256()
        for name, weight in self._model.state_dict().items():
            values = weight.detach().flatten()[:64].to("cpu", torch.float32)
            digest.update(name.encode())
            digest.update(values.numpy().tobytes())
        return digest.hexdigest()[:12]

    def answer(
        self, clips: Sequence[Clip | None], questions: Sequence[str], max_new_tokens: int
    ) -> list[str]:
        """Answer a batch in one pass of the decoder."""
        inputs = self._inputs(clips, questions)
        encoded = encode_media(self._model, inputs)
        words = WordChoice(max_new_tokens=max_new_tokens, num_beams=self._num_beams)
        token_ids = write(self._model, inputs, encoded, words, **self._processor.stop_arguments())
        return [self._processor.decode_answer(ids) for ids in token_ids]

    @torch.inference_mode()
    def choose(
        self,
        clips: Sequence[Clip | None],
        questions: Sequence[str],
        options: Sequence[Sequence[str]],
    ) -> list[int]:
        """The option that the decoder finds likeliest: by the mean over its tokens.

        Of equally likely ones the first.
        """
        inputs = self._inputs(clips, questions)
        encoded = encode_media(self._model, inputs)
        prompts = self._model.embed_prompt(
            inputs["input_ids"].to(self._model.device),
            video_embeds=encoded.video_embeds,
            audio_embeds=encoded.audio_embeds,
        )
        masks = inputs["attention_mask"].to(self._model.device).bool()
        return [
            int(self._likelihoods(prompt[mask], texts).argmax())
            for prompt, mask, texts in zip(prompts, masks, options, strict=True)
        ]

    def _likelihoods(self, prompt: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
        """The mean logarithm of each text's tokens' probabilities, behind a prompt `(L, D)`."""
        tokenizer, device = self._processor.tokenizer, self._model.device
        rows = [torch.tensor(encode_plain_text(text, tokenizer)) for text in texts]
        ids = pad_sequence(rows, batch_first=True).to(device)  # (options, tokens)
        is_text = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True).to(device)
        words = self._model.get_input_embeddings()(ids)
        before = prompt.expand(len(texts), -1, -1)
        logits = self._model(
            inputs_embeds=torch.cat([before, words.to(before)], dim=1),
            attention_mask=torch.cat([is_text.new_ones(before.shape[:2]), is_text], dim=1),
            logits_to_keep=ids.shape[1] + 1,
        ).logits[:, :-1]
        chances = logits.float().log_softmax(dim=-1).gather(2, ids[..., None])[..., 0]
        return (chances * is_text).sum(dim=1) / is_text.sum(dim=1)

    def _inputs(self, clips: Sequence[Clip | None], questions: Sequence[str]) -> BatchFeature:
        shown: list[Clip] = []
        conversations = []
        for clip, question in zip(clips, questions, strict=True):
            media = [] if clip is None else [clip]
            conversations.append([question_message(question, media, first_clip=len(shown))])
            shown += media
        return self._processor(conversations, clips=shown)
