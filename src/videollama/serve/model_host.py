"""The one model of the server: loaded in the background, asked through the scheduler."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from videollama.inference.scheduling import Request, Scheduler, Ticket
from videollama.serve.api_errors import ApiError
from videollama.serve.limits import Limits

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama


class ModelHost:
    """Loads a model once and hands requests to it.

    Args:
        load: Gives the model; runs in a thread of its own.
        name: What clients call it.
        limits: Of the server.

    Attributes:
        name: As given.
        created: When the server started, in seconds since 1970.
        failure: Why the model could not be loaded.
    """

    def __init__(self, load: "Callable[[], VideoLlama]", name: str, limits: Limits) -> None:
        self.name, self.created = name, int(time.time())
        self.failure: Exception | None = None
        self._load, self._limits = load, limits
        self._assistant: VideoLlama | None = None
        self._scheduler: Scheduler | None = None

    def start(self, when_done: "Callable[[ModelHost], None]") -> None:
        """Begins to load and returns.

        Args:
            when_done: Called in the loading thread, whether it worked or not.
        """

        def work() -> None:
            try:
                assistant = self._load()
                self._scheduler = Scheduler(
                    assistant.model,
                    assistant.processor,
                    max_batch=self._limits.running_requests,
                    max_waiting=self._limits.waiting_requests,
                    encoder=assistant.encoder,
                )
                self._assistant = assistant
            except Exception as failure:  # raised again by whoever runs the server
                self.failure = failure
            when_done(self)

        threading.Thread(target=work, name="videollama-load", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether requests can be answered."""
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

    def submit(self, request: Request) -> Ticket:
        """Puts a request into the queue.

        Raises:
            BusyError: The queue is full.
        """
        assert self._scheduler is not None
        return self._scheduler.submit(request)

    def close(self) -> None:
        """Ends the scheduler; what still runs is given up."""
        if self._scheduler is not None:
            self._scheduler.close(drain=False)


def public_name(ref: str | Path | None, default: str) -> str:
    """What clients call a model: the hub's name, or the name of its folder.

    Args:
        ref: As for `VideoLlama.load`.
        default: The name of the built-in model.
    """
    if ref is None:
        return default
    return Path(ref).resolve().name if Path(ref).exists() else str(ref)
