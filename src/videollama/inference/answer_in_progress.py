"""One answer from its request to its result, whoever writes the tokens in between."""

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from transformers import BatchFeature

from videollama.inference.answer import Timings, what_was_heard, what_was_seen
from videollama.inference.decoding import Row, begin_row
from videollama.inference.generation import EncodedMedia
from videollama.inference.growing_text import GrowingText
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.requests import Finished, Request, Ticket

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor


@dataclass(eq=False)
class AnswerInProgress:
    """A ticket on its way.

    Attributes:
        ticket: Gets the text as it is written.
        row: The prompt, the rules, and the tokens so far.
        inputs: `input_ids` and `attention_mask`, shape `(1, L)`.
        encoded: The media.
        text: The tokens as text.
        timings: Of all that came before the decoder.
        started: When the decoder could begin.
    """

    ticket: Ticket
    row: Row
    inputs: BatchFeature
    encoded: EncodedMedia
    text: GrowingText
    timings: Timings
    started: float
    _num_shown: int = 0

    def show(self) -> None:
        """Hands what was written since the last time to the ticket."""
        new = self.row.ids[0, self._num_shown :].tolist()
        self._num_shown += len(new)
        self.ticket.write(self.text.add(new))

    def finished(self, processor: "VideoLlamaProcessor") -> Finished:
        """The result, once the row has ended or was given up; the ticket gets the last piece."""
        ids = self.row.ids[0].tolist()
        self.ticket.write(self.text.rest())
        ended = self.row.ended
        clips = list(self.ticket.request.clips)
        return Finished(
            text=processor.decode_answer(ids),
            finish_reason=ended if isinstance(ended, str) else "cancelled",
            num_prompt_tokens=self.inputs["input_ids"].shape[1],
            num_new_tokens=len(ids),
            timings=replace(
                self.timings,
                generate_seconds=perf_counter() - self.started,
                num_new_tokens=len(ids),
            ),
            seen=what_was_seen(clips),
            heard=what_was_heard(clips),
            warnings=tuple(warning for clip in clips for warning in clip.warnings),
        )


def begin_answer(
    ticket: Ticket,
    model: "VideoLlamaForConditionalGeneration",
    processor: "VideoLlamaProcessor",
    encoder: MediaEncoder,
) -> AnswerInProgress:
    """All that comes before the decoder: tokens, media, rules; beams are left to the caller.

    Args:
        ticket: What is asked.
        model: Any Video-LLaMA; nothing of its decoder but the word embeddings is used.
        processor: Of the model.
        encoder: What encodes the clips.

    Raises:
        InputError: A message or an option makes no sense.
    """
    request = ticket.request
    started = perf_counter()
    inputs = processor(request.messages, clips=request.clips, with_media=False)
    encoded, timings = _encode(request, encoder, perf_counter() - started)
    words = replace(request.words, num_beams=1)
    stops = processor.stop_arguments()
    row = begin_row(model, inputs, encoded, words, request.memory, **stops)
    text = GrowingText(processor.decode_answer)
    return AnswerInProgress(ticket, row, inputs, encoded, text, timings, perf_counter())


def _encode(
    request: Request, encoder: MediaEncoder, prepare_seconds: float
) -> tuple[EncodedMedia, Timings]:
    """What the decoder reads in place of the media, and the time until it was there."""
    memory = request.memory
    if memory is not None and memory.encoded is not None:
        return memory.encoded, Timings(prepare_seconds=prepare_seconds)
    encoded = encoder.encode(request.messages, request.clips)
    if memory is not None:
        memory.encoded = encoded
    timings = Timings(
        prepare_seconds=prepare_seconds + encoded.prepare_seconds,
        see_seconds=encoded.see_seconds,
        hear_seconds=encoded.hear_seconds,
    )
    return encoded, timings
