"""A conversation about files that are opened and encoded once."""

from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Unpack

from transformers import BatchFeature

from videollama.errors import InputError
from videollama.inference.answer import Answer, Timings, what_was_heard, what_was_seen
from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.generation import EncodedMedia, write, write_streaming
from videollama.inference.grounding import flags_of
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import (
    Media,
    Message,
    answer_message,
    question_message,
    read_media,
)
from videollama.inference.named_parts import NamedPart, part_named_in, without_named_part
from videollama.inference.options import AskOptions, split_options

if TYPE_CHECKING:
    from videollama.media.clip import Clip
    from videollama.media.frame_sampling import FrameSampling
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor


class Chat:
    """Several questions about the same files; see `multi_turn` for what is known of those before.

    The files are opened and encoded once, and the decoder reads nothing twice.

    Args:
        model: The network, on its device.
        processor: What turns files and messages into its inputs.
        media: A file or several.
        encoder: What encodes the files; by default anew.
        first_question: Where the options name no part of the files, the part that this question
            names is opened, if it names one.
        **options: See `AskOptions`; they hold for every answer.

    Attributes:
        messages: What was said so far, in transformers' form.
        clips: The files as they were read.

    Raises:
        MediaError: A file cannot be used.
        InputError: An option makes no sense.
    """

    def __init__(
        self,
        model: "VideoLlamaForConditionalGeneration",
        processor: "VideoLlamaProcessor",
        media: Media,
        encoder: MediaEncoder | None = None,
        first_question: str = "",
        **options: Unpack[AskOptions],
    ) -> None:
        sampling, self._words = split_options(options)
        self._model, self._processor = model, processor
        self._encoder = encoder or MediaEncoder(model, processor)
        named = part_named_in(first_question) if sampling.is_whole else None
        started = perf_counter()
        side = model.config.vision_config.image_size
        if named is None:
            self.clips = read_media(media, sampling, side)
        else:
            self.clips = _read_part(media, sampling, side, named)
        self._part_named = named is not None and any(c.kind != "image" for c in self.clips)
        self._read_seconds = perf_counter() - started
        self._memory = ConversationMemory()
        self.messages: list[Message] = []

    def ask(self, question: str, *, check: bool = False) -> Answer:
        """Answers the next question.

        Args:
            question: Free text.
            check: Ask the model again for what it names, and find `Answer.flags`.

        Raises:
            InputError: The question is empty.
        """
        messages, inputs, encoded, timings = self._prepare(question)
        started = perf_counter()
        token_ids = write(
            self._model,
            inputs,
            encoded,
            self._words,
            self._memory if self._words.num_beams == 1 else None,
            **self._processor.stop_arguments(),
        )[0]
        text = self._processor.decode_answer(token_ids)
        self.messages = [*messages, answer_message(text)]
        timings = replace(
            timings,
            generate_seconds=perf_counter() - started,
            num_new_tokens=int(token_ids.shape[0]),
        )
        answer = self._answer(text, timings)
        if not check:
            return answer
        return replace(answer, flags=flags_of(self._encoder, messages, self.clips, text))

    def stream(self, question: str) -> Iterator[str]:
        """Answers the next question piece by piece; joined, the pieces are the answer.

        Raises:
            InputError: The question is empty, or several beams are wanted.
        """
        if self._words.num_beams > 1:
            raise InputError(
                f"num_beams is {self._words.num_beams}, but a streamed answer has 1; use ask()."
            )
        messages, inputs, encoded, _ = self._prepare(question)
        return self._stream(messages, inputs, encoded)

    def _stream(
        self, messages: list[Message], inputs: BatchFeature, encoded: EncodedMedia
    ) -> Iterator[str]:
        pieces: list[str] = []
        for piece in write_streaming(
            self._model,
            inputs,
            encoded,
            self._words,
            self._processor.decode_answer,
            memory=self._memory,
            **self._processor.stop_arguments(),
        ):
            pieces.append(piece)
            yield piece
        self.messages = [*messages, answer_message("".join(pieces))]

    def _prepare(self, question: str) -> tuple[list[Message], BatchFeature, EncodedMedia, Timings]:
        started = perf_counter()
        new_clips = self.clips if not self.messages else []
        if self._part_named and not self.messages:
            question = without_named_part(question)
        messages = [*self.messages, question_message(question, new_clips)]
        inputs = self._processor(messages, clips=self.clips, with_media=False)
        prepare_seconds = perf_counter() - started
        if self._memory.encoded is not None:
            known = self._memory.encoded
            return messages, inputs, known, Timings(prepare_seconds=prepare_seconds)
        encoded = self._memory.encoded = self._encoder.encode(messages, self.clips)
        timings = Timings(
            read_seconds=self._read_seconds,
            prepare_seconds=prepare_seconds + encoded.prepare_seconds,
            see_seconds=encoded.see_seconds,
            hear_seconds=encoded.hear_seconds,
        )
        return messages, inputs, encoded, timings

    def _answer(self, text: str, timings: Timings) -> Answer:
        return Answer(
            text=text,
            seen=what_was_seen(self.clips, part_named=self._part_named),
            heard=what_was_heard(self.clips, part_named=self._part_named),
            timings=timings,
            warnings=tuple(warning for clip in self.clips for warning in clip.warnings),
        )


def _read_part(
    media: Media, sampling: "FrameSampling", frame_side: int, part: NamedPart
) -> "list[Clip]":
    """Opens the part of the files that a question names."""
    try:
        return read_media(media, replace(sampling, **part._asdict()), frame_side)
    except InputError as error:
        raise InputError(
            f"{error} The question names this part; to look at everything, give start_seconds=0 "
            "(--start 0)."
        ) from error
