"""Who answers: anything that turns clips and questions into sentences, usually the engine."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import torch
from transformers import BatchFeature

from videollama.inference.engine import VideoLlama
from videollama.inference.generation import encode_media, write
from videollama.inference.likelihood import answer_log_likelihoods, show
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.media.clip import Clip


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
        self._assistant = assistant
        self._model, self._processor = assistant.model, assistant.processor
        # Composed clips come once, so nothing of them is kept on disk.
        self._encoder = MediaEncoder(assistant.model, assistant.processor)

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

    def choose(
        self,
        clips: Sequence[Clip | None],
        questions: Sequence[str],
        options: Sequence[Sequence[str]],
    ) -> list[int]:
        """The option that the decoder finds likeliest: by the mean over its tokens.

        Of equally likely ones the first.
        """
        return [self._likeliest(*asked) for asked in zip(clips, questions, options, strict=True)]

    def _likeliest(self, clip: Clip | None, question: str, texts: Sequence[str]) -> int:
        shown = None if clip is None else show(self._encoder, clip)
        found = [
            answer_log_likelihoods(self._assistant, [shown], question, text)[0] for text in texts
        ]
        return found.index(max(found))

    def _inputs(self, clips: Sequence[Clip | None], questions: Sequence[str]) -> BatchFeature:
        shown: list[Clip] = []
        conversations = []
        for clip, question in zip(clips, questions, strict=True):
            media = [] if clip is None else [clip]
            conversations.append([question_message(question, media, first_clip=len(shown))])
            shown += media
        return self._processor(conversations, clips=shown)
