"""Many callers, one decoder: requests wait in a queue, and a thread of its own answers them.

    submit(request) ──> waiting ──> running ──> Ticket: pieces of text as they are written

The thread is the only one that touches the model. Requests that run are written together; each
leaves when it is done or cancelled, and a waiting one takes its place between two steps.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from threading import Condition, Thread
from typing import TYPE_CHECKING

from transformers import StoppingCriteriaList

from videollama.errors import BusyError, InputError
from videollama.inference.answer_in_progress import AnswerInProgress, begin_answer
from videollama.inference.decoding import DecodingBatch
from videollama.inference.generation import StopWhenSet, write
from videollama.inference.grounding import flags_of
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.requests import Finished, Request, Ticket

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor

__all__ = ["Finished", "Request", "Scheduler", "Ticket"]


class Scheduler:
    """Answers requests of many callers with one model.

    A request with beams is answered alone, while the others pause.

    Args:
        model: The network, on its device. Nobody else may use it at the same time.
        processor: What turns messages and clips into its inputs.
        max_batch: Requests that are answered at the same time.
        max_waiting: Requests that may wait beside them.
        encoder: What encodes the clips; by default anew.

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
        encoder: MediaEncoder | None = None,
    ) -> None:
        for name, value, least in (("max_batch", max_batch, 1), ("max_waiting", max_waiting, 0)):
            if value < least:
                raise InputError(f"{name} is {value}, but must be {least} or more.")
        self._model, self._processor = model, processor
        self._encoder = encoder or MediaEncoder(model, processor)
        self._max_batch, self._max_waiting = max_batch, max_waiting
        self._changed = Condition()
        self._waiting: deque[Ticket] = deque()
        self._running: list[Ticket] = []
        self._closed = False
        self._batch = DecodingBatch(model)
        self._answers: list[AnswerInProgress] = []
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
            self.check()
            waiting = sum(not ticket.cancelled.is_set() for ticket in self._waiting)
            free_places = self._max_batch - len(self._running)
            if waiting >= self._max_waiting + free_places:
                raise BusyError(f"{waiting} requests are waiting already; ask again in a moment.")
            ticket = Ticket(request)
            self._waiting.append(ticket)
            self._changed.notify_all()
        return ticket

    def check(self) -> None:
        """That requests are taken.

        Raises:
            BusyError: The scheduler is closed.
        """
        if self._closed:
            raise BusyError("The model is shutting down; ask again when it is back.")

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

    # ------------------------------------------------------------------ the thread

    def _work(self) -> None:
        try:
            while (admitted := self._next()) is not None:
                if admitted:
                    self._begin(admitted)
                    self._deliver()
                if self._answers:  # also where new ones keep coming
                    self._step()
                    self._deliver()
        finally:  # nobody waits for ever, should there be a mistake in here
            with self._changed:
                self._closed = True
                left = [*self._running, *self._waiting]
                self._running, self._waiting = [], deque()
            for ticket in left:
                ticket.finish(RuntimeError("the decoder's thread has ended"))

    def _next(self) -> list[Ticket] | None:
        """Waits for something to do: gives tickets to begin, none to go on, or `None` to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._answers or self._closed)
            if not (self._waiting or self._answers):
                return None
            admitted: list[Ticket] = []
            still_waiting: deque[Ticket] = deque()
            free_places = self._max_batch - len(self._running)
            for ticket in self._waiting:
                # Whoever gave up needs no place, but a last word.
                if ticket.cancelled.is_set() or free_places > 0:
                    free_places -= not ticket.cancelled.is_set()
                    admitted.append(ticket)
                else:
                    still_waiting.append(ticket)
            self._waiting = still_waiting
            self._running += admitted
        return admitted

    def _begin(self, tickets: Sequence[Ticket]) -> None:
        """Encodes the media of new requests and reads their prompts together."""
        begun = []
        for ticket in tickets:
            try:
                answer = self._prepare(ticket)
            except Exception as failure:  # raised again by the ticket, in its caller's thread
                self._leave(ticket, failure)
            else:
                begun += [answer] if answer else []
        self._add(begun)

    def _prepare(self, ticket: Ticket) -> AnswerInProgress | None:
        """All that comes before the decoder; `None` where the answer is complete already."""
        if ticket.cancelled.is_set():
            self._leave(ticket, Finished("", "cancelled", 0, 0))
            return None
        answer = begin_answer(ticket, self._model, self._processor, self._encoder)
        words = ticket.request.words
        if words.num_beams == 1:
            return answer
        stops = self._processor.stop_arguments()
        criteria = [*stops.pop("stopping_criteria", ()), StopWhenSet(ticket.cancelled)]
        stops["stopping_criteria"] = StoppingCriteriaList(criteria)
        answer.row.take(write(self._model, answer.inputs, answer.encoded, words, **stops))
        answer.show()
        self._finish(answer)
        return None

    def _add(self, answers: list[AnswerInProgress]) -> None:
        if not answers:
            return
        try:
            self._batch.add([answer.row for answer in answers])
        except Exception as failure:  # too much memory, for example
            if len(answers) == 1:
                self._leave(answers[0].ticket, failure)
                return
            for answer in answers:
                self._add([answer])
        else:
            self._answers += answers

    def _step(self) -> None:
        try:
            self._batch.step()
        except Exception as failure:  # it cannot be told whose it is
            for answer in self._answers:
                answer.row.ended = failure

    def _deliver(self) -> None:
        """Shows what was written, and lets go of what is complete."""
        going_on = []
        for answer in self._answers:
            try:
                answer.show()
            except Exception as failure:  # a tokenizer that cannot read its own ids
                answer.row.ended = failure
            if answer.row.ended is None and not answer.ticket.cancelled.is_set():
                going_on.append(answer)
            elif isinstance(answer.row.ended, Exception):
                self._leave(answer.ticket, answer.row.ended)
            else:
                self._finish(answer)
        self._answers = going_on
        self._batch.keep([answer.row for answer in going_on])

    def _finish(self, answer: AnswerInProgress) -> None:
        outcome: Finished | Exception = (finished := answer.finished(self._processor))
        request = answer.ticket.request
        if request.check and finished.finish_reason != "cancelled":
            try:
                flags = flags_of(self._encoder, request.messages, request.clips, finished.text)
                outcome = replace(finished, flags=flags)
            except Exception as failure:  # too much memory, for example
                outcome = failure
        self._leave(answer.ticket, outcome)

    def _leave(self, ticket: Ticket, outcome: Finished | BaseException) -> None:
        with self._changed:
            self._running.remove(ticket)
        ticket.finish(outcome)
