"""The one model of the server: loaded in the background, asked through what writes its answers."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from videollama.errors import VideoLlamaError
from videollama.inference.guarding import Guards
from videollama.inference.requests import Request, Ticket, Writer
from videollama.inference.scheduling import Scheduler
from videollama.serve.api_errors import ApiError
from videollama.serve.audit_log import AuditLog
from videollama.serve.limits import Limits

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama

T = TypeVar("T")


def write_here(assistant: "VideoLlama", limits: Limits) -> Writer:
    """Lets the model's own decoder write."""
    return Scheduler(
        assistant.model,
        assistant.processor,
        max_batch=limits.running_requests,
        max_waiting=limits.waiting_requests,
        encoder=assistant.encoder,
    )


class ModelHost:
    """Loads a model once and hands requests to it.

    Args:
        load: Gives the model; runs in a thread of its own.
        name: What clients call it.
        limits: Of the server.
        begin: Gives what writes the answers.
        audit: Gets a line for every answer.
        guards: Gives what reads questions and answers; called once the model is loaded.

    Attributes:
        name: As given.
        created: When the server started, in seconds since 1970.
        failure: Why the model could not be loaded.
    """

    def __init__(
        self,
        load: "Callable[[], VideoLlama]",
        name: str,
        limits: Limits,
        begin: "Callable[[VideoLlama, Limits], Writer]" = write_here,
        audit: AuditLog | None = None,
        guards: Callable[[], Guards] = Guards,
    ) -> None:
        self.name, self.created = name, int(time.time())
        self.failure: Exception | None = None
        self._load, self._limits, self._begin, self._audit = load, limits, begin, audit
        self._load_guards, self._guards = guards, Guards()
        self._assistant: VideoLlama | None = None
        self._writer: Writer | None = None

    def start(self, when_done: "Callable[[ModelHost], None]") -> None:
        """Begins to load and returns.

        Args:
            when_done: Called in the loading thread, whether it worked or not.
        """

        def work() -> None:
            try:
                assistant = self._load()
                self._guards = self._load_guards()
                self._writer = self._guards.around(self._begin(assistant, self._limits))
                self._assistant = assistant
            except Exception as failure:  # raised again by whoever runs the server
                self.failure = failure
            when_done(self)

        threading.Thread(target=work, name="videollama-load", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._assistant is not None

    def assistant(self, model: str) -> "VideoLlama":
        """The model, if that is its name.

        Raises:
            ApiError: 404 for another name, 503 while it is being loaded.
        """
        if model != self.name:
            raise ApiError(
                404,
                f"There is no model of that name here; use {self.name!r}.",
                param="model",
                code="model_not_found",
            )
        return self.loaded()

    def loaded(self) -> "VideoLlama":
        """The model.

        Raises:
            ApiError: 503 while it is being loaded.
        """
        if self._assistant is None:
            raise ApiError(503, "The model is being loaded.", retry_after_seconds=5)
        return self._assistant

    def submit(self, request: Request, *, request_id: str, caller: str) -> Ticket:
        """Puts a request into the queue.

        Args:
            request: The conversation.
            request_id: For the audit log, as is `caller`.
            caller: Who asks; no more than a fingerprint.

        Raises:
            BusyError: The queue is full.
        """
        assert self._writer is not None
        ticket = self._writer.submit(request)
        if self._audit is not None:
            self._audit.follow(ticket, request_id=request_id, caller=caller)
        return ticket

    def answer(
        self,
        question: str | None,
        work: Callable[[], T],
        words_of: Callable[[T], str],
        *,
        request_id: str,
        caller: str,
        media: int = 1,
    ) -> T:
        """Lets the model work on what does not pass through the queue, as `Guards.answer` does.

        Args:
            question: As for `Guards.answer`.
            work: As for `Guards.answer`.
            words_of: As for `Guards.answer`.
            request_id: As for `submit`.
            caller: As for `submit`.
            media: How many files it is about.

        Raises:
            RefusedError: A guard objects.
        """
        following: AbstractContextManager[None] = nullcontext()
        if self._audit is not None:
            following = self._audit.following(request_id=request_id, caller=caller, media=media)
        with following:
            return self._guards.answer(question, work, words_of)

    def check(self) -> None:
        """That requests can be answered; may wait for another server, so not in an event loop.

        Raises:
            ApiError: 503.
        """
        self.loaded()
        assert self._writer is not None
        try:
            self._writer.check()
        except VideoLlamaError as error:
            raise ApiError(503, str(error), retry_after_seconds=5) from error

    def close(self) -> None:
        """Ends what writes; what still runs is given up."""
        if self._writer is not None:
            self._writer.close(drain=False)


def public_name(ref: str | Path | None, default: str) -> str:
    """What clients call a model: the hub's name, or the name of its folder.

    Args:
        ref: As for `VideoLlama.load`.
        default: The name of the built-in model.
    """
    if ref is None:
        return default
    return Path(ref).resolve().name if Path(ref).exists() else str(ref)
