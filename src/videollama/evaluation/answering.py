"""Who answers: anything that turns clips and questions into sentences, usually the engine."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import torch

from videollama.inference.engine import VideoLlama
from videollama.inference.generation import encode_media, write
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
        shown: list[Clip] = []
        conversations = []
        for clip, question in zip(clips, questions, strict=True):
            media = [] if clip is None else [clip]
            conversations.append([question_message(question, media, first_clip=len(shown))])
            shown += media
        inputs = self._processor(conversations, clips=shown)
        encoded = encode_media(self._model, inputs)
        words = WordChoice(max_new_tokens=max_new_tokens, num_beams=self._num_beams)
        token_ids = write(self._model, inputs, encoded, words, **self._processor.stop_arguments())
        return [self._processor.decode_answer(ids) for ids in token_ids]
