"""What callers hand to the scheduler, and what they get back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Event
from typing import Literal, Protocol

from videollama.inference.answer import Flag, Heard, Seen, Timings
from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.messages import Message
from videollama.inference.options import WordChoice
from videollama.media.clip import Clip
from videollama.policy.guards import Decision

FinishReason = Literal["stop", "length", "cancelled", "refused"]


@dataclass(frozen=True)
class Request:
    """A conversation that waits for its next answer.

    Attributes:
        messages: What was said so far, in transformers' form; the last turn is the user's.
        clips: What the numbers in `messages` refer to.
        words: How words are chosen.
        memory: What was read, written and encoded of this conversation before, if it is to be kept;
            one for every conversation and its clips. With beams it is not used.
        check: Whether to find `Finished.flags`, which holds up the other answers for a moment.
    """

    messages: Sequence[Message]
    clips: Sequence[Clip] = ()
    words: WordChoice = field(default_factory=WordChoice)
    memory: ConversationMemory | None = None
    check: bool = False


@dataclass(frozen=True)
class Finished:
    """A whole answer.

    Attributes:
        text: What the model says.
        finish_reason: "stop" where the model ended, "length" where `max_new_tokens` did,
            "cancelled" where the caller did, and "refused" where a guard did.
        num_prompt_tokens: Tokens the decoder read, those of the media included.
        num_new_tokens: Tokens the decoder wrote, the one that ends the answer included.
        timings: Where the time went. Reading the files was the caller's; the decoder's time is
            that from the prompt to the last token, with all that was written beside.
        seen: The frames the model looked at.
        heard: The sound it listened to.
        warnings: What was odd about the files.
        flags: What the files do not bear out; None where that was not checked.
        decision: What a guard objected to; None where nobody did.
    """

    text: str
    finish_reason: FinishReason
    num_prompt_tokens: int
    num_new_tokens: int
    timings: Timings = field(default_factory=Timings)
    seen: tuple[Seen, ...] = ()
    heard: tuple[Heard, ...] = ()
    warnings: tuple[str, ...] = ()
    flags: tuple[Flag, ...] | None = None
    decision: Decision | None = None


class Ticket:
    """What `Scheduler.submit` gives: the answer while it is written, and when it is done.

    Iterating yields pieces of text; joined they are `result().text`. It may be iterated several
    times and from any thread.

    Attributes:
        request: What was asked.
        cancelled: Set once the answer was given up.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._changed = Condition()
        self._pieces: list[str] = []
        self._outcome: Finished | BaseException | None = None
        self._listeners: list[Callable[[Finished | BaseException], None]] = []
        self.cancelled = Event()

    def when_done(self, tell: "Callable[[Finished | BaseException], None]") -> None:
        """Calls `tell` with the result or the error, before anybody who waits gets it."""
        with self._changed:
            if self._outcome is None:
                self._listeners.append(tell)
                return
        tell(self._outcome)

    def cancel(self) -> None:
        """Gives the place up; the answer ends as it is, before the next token."""
        self.cancelled.set()

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
        while new := self._pieces_from(position):
            position += len(new)
            yield from new
        self._require_success()

    def _pieces_from(self, position: int) -> list[str]:
        """Waits for pieces of text behind a position; empty when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._pieces) > position or self._outcome)
            return self._pieces[position:]

    def write(self, piece: str) -> None:
        """Adds a piece of text; for the scheduler."""
        if piece:
            with self._changed:
                self._pieces.append(piece)
                self._changed.notify_all()

    def finish(self, outcome: Finished | BaseException) -> None:
        """Ends the answer with its result or its error; for the scheduler."""
        with self._changed:
            for tell in self._listeners:
                tell(outcome)
            self._outcome = outcome
            self._changed.notify_all()

    def _require_success(self) -> Finished:
        assert self._outcome is not None
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


class Writer(Protocol):
    """What writes answers: a `Scheduler`, or what takes its place."""

    def submit(self, request: Request) -> Ticket:
        """Takes a request into the queue and returns at once."""

    def check(self) -> None:
        """Raises a `VideoLlamaError` where nothing can be answered at the moment."""

    def close(self, drain: bool = True) -> None:
        """Takes no more requests and ends."""
