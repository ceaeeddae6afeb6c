"""Guards around whatever writes answers.

    submit(request) ─> guards read the question ─> refusal
                                │                    ▲
                                └─> writer ─> guards read the answer ─> Ticket

A guard that reads answers holds each back until it has ended: a beginning that was shown cannot be
taken back. Without such a guard an answer is shown as it is written.

What is written about a whole file is no answer of a writer; `Guards.answer` stands around it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Thread
from typing import TypeVar

from videollama.errors import RefusedError
from videollama.inference.engine import CAPTION_REQUEST
from videollama.inference.messages import Message, shown_in, text_of
from videollama.inference.requests import Finished, Request, Ticket, Writer
from videollama.inference.segments import HEARING_QUESTION
from videollama.policy.guards import Decision, Guard, Said
from videollama.policy.refusals import refusal

T = TypeVar("T")


class Guards:
    """All guards as one; the first that objects decides.

    Args:
        guards: Asked in this order.
    """

    def __init__(self, guards: Sequence[Guard] = ()) -> None:
        self._guards = tuple(guards)
        self._readers = [guard for guard in self._guards if guard.reads_answers]

    @property
    def reads_answers(self) -> bool:
        """As `Guard.reads_answers`."""
        return bool(self._readers)

    def check_question(self, said: Sequence[Said]) -> Decision | None:
        """As `Guard.check_question`."""
        return _first(guard.check_question(said) for guard in self._guards)

    def check_answer(self, said: Sequence[Said], answer: str) -> Decision | None:
        """As `Guard.check_answer`."""
        return _first(guard.check_answer(said, answer) for guard in self._readers)

    def around(self, writer: Writer) -> Writer:
        """The writer with the guards around it, or as it is without any."""
        return GuardedWriter(writer, self._guards) if self._guards else writer

    def answer(
        self, question: str | None, work: Callable[[], T], words_of: Callable[[T], str]
    ) -> T:
        """Reads what a caller writes, lets the model work, and reads what it has written.

        Args:
            question: The caller's words; None where there are none, and files are described.
            work: What the model does.
            words_of: All that it says in the result.

        Raises:
            RefusedError: A guard objects; nothing can be described in place of the answer.
        """
        said = [Said("user", CAPTION_REQUEST if question is None else question)]
        if question is not None and (decision := self.check_question(said)):
            raise _refusal(decision, question)
        result = work()
        words = words_of(result)
        if words and (decision := self.check_answer(said, words)):
            raise _refusal(decision, words if question is None else question)
        return result


class GuardedWriter:
    """Takes the place of a `Scheduler`, or of what else writes answers.

    Args:
        writer: What writes them.
        guards: Asked in this order; the first that objects decides.
    """

    def __init__(self, writer: Writer, guards: Sequence[Guard]) -> None:
        self._writer, self._guards = writer, Guards(guards)

    def submit(self, request: Request) -> Ticket:
        """As `Scheduler.submit`; what that raises is raised by the ticket."""
        ticket = _GuardedTicket(request)
        work = Thread(target=self._work, args=(ticket,), name="videollama-guard", daemon=True)
        work.start()
        return ticket

    def check(self) -> None:
        """As `Scheduler.check`."""
        self._writer.check()

    def close(self, drain: bool = True) -> None:
        """As `Scheduler.close`."""
        self._writer.close(drain)

    def _work(self, ticket: "_GuardedTicket") -> None:
        try:
            outcome: Finished | Exception = self._answer(ticket)
        except Exception as failure:  # raised again by the ticket, in its caller's thread
            outcome = failure
        ticket.finish(outcome)

    def _answer(self, ticket: "_GuardedTicket") -> Finished:
        request = ticket.request
        said = [_said(message) for message in request.messages]
        decision = self._guards.check_question(said)
        opening = ""
        if decision is not None:
            sentence = refusal(decision.reason, said[-1].text)
            description = _description(request) if decision.action == "describe" else None
            if description is None:
                return _refused(ticket, Finished("", "refused", 0, 0), sentence, decision)
            request, opening = description, f"{sentence} "
        finished = self._written(ticket, request, opening)
        is_read = self._guards.reads_answers
        if not is_read or finished.finish_reason == "cancelled":
            text = "" if is_read else f"{opening}{finished.text}"
            return replace(finished, text=text, decision=decision)
        objection = self._guards.check_answer(said, finished.text)
        if objection is not None:
            return _refused(ticket, finished, refusal(objection.reason, said[-1].text), objection)
        text = f"{opening}{finished.text}"
        ticket.write(text)
        return replace(finished, text=text, decision=decision)

    def _written(self, ticket: "_GuardedTicket", request: Request, opening: str) -> Finished:
        """The whole answer; shown as it is written where nobody has to read it first."""
        inner = ticket.follow(self._writer.submit(request))
        if not self._guards.reads_answers:
            ticket.write(opening)
            for piece in inner:
                ticket.write(piece)
        return inner.result()


class _GuardedTicket(Ticket):
    """A ticket that gives up the one behind it."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._inner: Ticket | None = None

    def follow(self, inner: Ticket) -> Ticket:
        self._inner = inner
        if self.cancelled.is_set():
            inner.cancel()
        return inner

    def cancel(self) -> None:
        super().cancel()
        if self._inner is not None:
            self._inner.cancel()


def _first(decisions: Iterator[Decision | None]) -> Decision | None:
    return next((each for each in decisions if each is not None), None)


def _refusal(decision: Decision, text: str) -> RefusedError:
    return RefusedError(refusal(decision.reason, text), decision.guard, decision.reason)


def _refused(ticket: Ticket, finished: Finished, sentence: str, decision: Decision) -> Finished:
    ticket.write(sentence)
    return replace(finished, text=sentence, finish_reason="refused", flags=None, decision=decision)


def _description(request: Request) -> Request | None:
    """The request with its question exchanged for a description; None where nothing is shown."""
    *before, last = request.messages
    media = shown_in(request.messages, request.clips)
    if not media:
        return None
    is_seen = any(kind != "audio" and clip.frames is not None for kind, clip in media)
    text = {"type": "text", "text": CAPTION_REQUEST if is_seen else HEARING_QUESTION}
    content = [] if isinstance(last["content"], str) else last["content"]
    shown = [part for part in content if "clip" in part]
    return replace(request, messages=[*before, {**last, "content": [*shown, text]}])


def _said(message: Message) -> Said:
    return Said(message["role"], text_of(message))
