"""Many callers, one decoder: requests wait in a queue, and a thread of its own answers them.

    submit(request) ──> waiting ──> running ──> Ticket: pieces of text as they are written

The thread is the only one that touches the model.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Condition, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

from videollama.errors import BusyError, InputError
from videollama.inference.answer import Heard, Seen, Timings, what_was_heard, what_was_seen
from videollama.inference.generation import encode_media, write
from videollama.inference.growing_text import GrowingText
from videollama.inference.messages import Message
from videollama.inference.options import WordChoice
from videollama.media.clip import Clip

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor

FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True)
class Request:
    """A conversation that waits for its next answer.

    Attributes:
        messages: What was said so far, in transformers' form; the last turn is the user's.
        clips: What the numbers in `messages` refer to.
        words: How words are chosen.
    """

    messages: Sequence[Message]
    clips: Sequence[Clip] = ()
    words: WordChoice = field(default_factory=WordChoice)


@dataclass(frozen=True)
class Finished:
    """A whole answer.

    Attributes:
        text: What the model says.
        finish_reason: "stop" where the model ended, "length" where `max_new_tokens` did, and
            "cancelled" where the caller did.
        num_prompt_tokens: Tokens the decoder read, those of the media included.
        num_new_tokens: Tokens the decoder wrote, the one that ends the answer included.
        timings: Where the time went; reading the files was the caller's.
        seen: The frames the model looked at.
        heard: The sound it listened to.
        warnings: What was odd about the files.
    """

    text: str
    finish_reason: FinishReason
    num_prompt_tokens: int
    num_new_tokens: int
    timings: Timings = field(default_factory=Timings)
    seen: tuple[Seen, ...] = ()
    heard: tuple[Heard, ...] = ()
    warnings: tuple[str, ...] = ()


class Ticket:
    """What `Scheduler.submit` gives: the answer while it is written, and when it is done.

    Iterating yields pieces of text; joined they are `result().text`. It may be iterated several
    times and from any thread.

    Attributes:
        request: What was asked.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._changed = Condition()
        self._pieces: list[str] = []
        self._outcome: Finished | BaseException | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Gives the place up; the answer ends as it is, before the next token."""
        self._cancelled = True

    @property
    def cancelled(self) -> bool:
        """Whether somebody gave the answer up."""
        return self._cancelled

    def result(self) -> Finished:
        """Waits for the whole answer.

        Raises:
            VideoLlamaError: What is wrong with this request.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._outcome is not None)
        return self._require_success()

    def __iter__(self) -> Iterator[str]:
        """Pieces of text; after the last one the error of this request, if it has one."""
        position = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda seen=position: len(self._pieces) > seen or self._outcome is not None
                )
                new = self._pieces[position:]
            if not new:
                self._require_success()
                return
            position += len(new)
            yield from new

    def write(self, piece: str) -> None:
        """Adds a piece of text; for the scheduler."""
        if piece:
            with self._changed:
                self._pieces.append(piece)
                self._changed.notify_all()

    def finish(self, outcome: Finished | BaseException) -> None:
        """Ends the answer with its result or its error; for the scheduler."""
        with self._changed:
            self._outcome = outcome
            self._changed.notify_all()

    def _require_success(self) -> Finished:
        assert self._outcome is not None
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


class Scheduler:
    """Answers requests of many callers with one model.

    Args:
        model: The network, on its device. Nobody else may use it at the same time.
        processor: What turns messages and clips into its inputs.
        max_batch: Requests that are answered at the same time.
        max_waiting: Requests that may wait beside them.

    Raises:
        InputError: A number makes no sense.
    """

    def __init__(
        self,
        model: "VideoLlamaForConditionalGeneration",
        processor: "VideoLlamaProcessor",
        *,
        max_batch: int = 8,
        max_waiting: int = 32,
    ) -> None:
        for name, value, least in (("max_batch", max_batch, 1), ("max_waiting", max_waiting, 0)):
            if value < least:
                raise InputError(f"{name} is {value}, but must be {least} or more.")
        self._model, self._processor = model, processor
        self._max_batch, self._max_waiting = max_batch, max_waiting
        self._changed = Condition()
        self._waiting: deque[Ticket] = deque()
        self._running: list[Ticket] = []
        self._closed = False
        self._thread = Thread(target=self._work, name="videollama-decode", daemon=True)
        self._thread.start()

    @property
    def num_running(self) -> int:
        """Requests that are being answered."""
        return len(self._running)

    @property
    def num_waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._waiting)

    def submit(self, request: Request) -> Ticket:
        """Takes a request into the queue and returns at once.

        What is wrong with the request itself is raised by its ticket.

        Raises:
            BusyError: The queue is full, or the scheduler is closed.
        """
        with self._changed:
            if self._closed:
                raise BusyError("The model is shutting down; ask again when it is back.")
            free_places = self._max_batch - len(self._running)
            if len(self._waiting) >= self._max_waiting + max(0, free_places):
                raise BusyError(
                    f"{len(self._waiting)} requests are waiting already; ask again in a moment."
                )
            ticket = Ticket(request)
            self._waiting.append(ticket)
            self._changed.notify_all()
        return ticket

    def close(self, drain: bool = True) -> None:
        """Takes no more requests and waits for the thread to end.

        Args:
            drain: Answer what was taken; False cancels all of it.
        """
        with self._changed:
            self._closed = True
            if not drain:
                for ticket in (*self._waiting, *self._running):
                    ticket.cancel()
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                self._running = [self._waiting.popleft()]
            ticket = self._running[0]
            try:
                outcome: Finished | BaseException = self._answer(ticket)
            except Exception as failure:  # raised again by the ticket, in its caller's thread
                outcome = failure
            with self._changed:
                self._running = []
            ticket.finish(outcome)

    def _answer(self, ticket: Ticket) -> Finished:
        request = ticket.request
        started = perf_counter()
        inputs = self._processor(request.messages, clips=request.clips)
        timings = Timings(prepare_seconds=perf_counter() - started)
        stops = self._processor.stop_arguments()
        criteria = StoppingCriteriaList(
            [*stops.pop("stopping_criteria", ()), _StopWhenCancelled(ticket)]
        )
        text = GrowingText(self._processor.decode_answer)
        ids: list[int] = []
        if not ticket.cancelled:
            encoded = encode_media(self._model, inputs)
            encoded_at = perf_counter()
            one_row = request.words.num_beams == 1
            ids = write(
                self._model,
                inputs,
                encoded,
                request.words,
                stopping_criteria=criteria,
                streamer=_Writer(ticket, text) if one_row else None,
                **stops,
            )[0].tolist()
            timings = replace(
                timings,
                see_seconds=encoded.see_seconds,
                hear_seconds=encoded.hear_seconds,
                generate_seconds=perf_counter() - encoded_at,
                num_new_tokens=len(ids),
            )
        ticket.write(text.rest(ids))
        reason: FinishReason = "stop"
        if ticket.cancelled:
            reason = "cancelled"
        elif len(ids) >= request.words.max_new_tokens:
            reason = "length"
        clips = list(request.clips)
        return Finished(
            text=self._processor.decode_answer(ids),
            finish_reason=reason,
            num_prompt_tokens=int(inputs["attention_mask"].sum()),
            num_new_tokens=len(ids),
            timings=timings,
            seen=what_was_seen(clips),
            heard=what_was_heard(clips),
            warnings=tuple(warning for clip in clips for warning in clip.warnings),
        )


class _Writer(BaseStreamer):
    """Hands what every step adds to the ticket."""

    def __init__(self, ticket: Ticket, text: GrowingText) -> None:
        self.ticket, self.text = ticket, text

    def put(self, value: Tensor) -> None:
        self.ticket.write(self.text.add(value.flatten().tolist()))

    def end(self) -> None:
        pass


class _StopWhenCancelled(StoppingCriteria):
    """Ends every row as soon as the ticket is cancelled."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        done = self.ticket.cancelled
        return torch.full((input_ids.shape[0],), done, dtype=torch.bool, device=input_ids.device)
