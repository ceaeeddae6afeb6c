"""`--audit-log`: a JSON line for every answer: who, what was decided, how much; never its words."""

import errno
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

from videollama.errors import OutputError, RefusedError
from videollama.inference.requests import Finished, Ticket
from videollama.serve.request_log import LOGGER_NAME
from videollama.serve.waiting import GivenUpError

_MODE = 0o600


class AuditLog:
    """Appends to a file, a line in one piece; the file is opened anew for each, so it may rotate.

    Args:
        file: Appended to, or made.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, Lock()
        self._is_broken = False
        try:
            self._append({"event": "start"})
        except OSError as error:
            raise OutputError(
                f"The audit log {file} cannot be written ({error.strerror}); name another file."
            ) from error

    def follow(self, ticket: Ticket, *, request_id: str, caller: str) -> None:
        """Writes the line of an answer when it has ended, however it does.

        Args:
            ticket: The answer.
            request_id: Of the request, as it stands in the log of requests.
            caller: Fingerprint of the key, "local" without keys, or "page".
        """
        line = _line(request_id, caller, len(ticket.request.clips))
        ticket.when_done(partial(self._write, line, perf_counter()))

    @contextmanager
    def following(self, *, request_id: str, caller: str, media: int) -> Iterator[None]:
        """Writes the line of an answer that the block gives, however it ends.

        Args:
            request_id: As for `follow`.
            caller: As for `follow`.
            media: How many files it is about.
        """
        line, started = _line(request_id, caller, media), perf_counter()
        try:
            yield
        except BaseException as failure:
            self._write(line, started, failure)
            raise
        self._write(line, started, None)

    def _write(
        self, line: dict[str, Any], started: float, outcome: Finished | BaseException | None
    ) -> None:
        """Appends; where that fails, answers go on, and the server's log says so once."""
        seconds = round(perf_counter() - started, 4)
        logger = logging.getLogger(LOGGER_NAME)
        try:
            self._append({**line, "seconds": seconds, **_facts(outcome)})
        except OSError as error:
            if not self._is_broken:
                logger.error(
                    "The audit log %s cannot be written (%s); answers go on without it.",
                    self._file,
                    error.strerror,
                )
            self._is_broken = True
        else:
            self._is_broken = False

    def _append(self, line: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        data = (json.dumps({"time": now, **line}) + "\n").encode()
        with self._lock:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
            try:
                size = os.fstat(descriptor).st_size
                if os.write(descriptor, data) < len(data):
                    os.ftruncate(descriptor, size)  # half a line is none
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(descriptor)


def _line(request_id: str, caller: str, media: int) -> dict[str, Any]:
    return {"event": "answer", "request_id": request_id, "caller": caller, "media": media}


def _facts(outcome: Finished | BaseException | None) -> dict[str, Any]:
    """What became of an answer; None of one that is no `Finished`, and is handed out."""
    if outcome is None:
        return _uncounted("answered")
    if isinstance(outcome, RefusedError):
        return _uncounted("refused", outcome.guard, outcome.reason)
    if isinstance(outcome, GivenUpError):
        return _uncounted("cancelled")
    if isinstance(outcome, BaseException):
        return {"decision": "failed", "error": type(outcome).__name__}
    decision, flags = outcome.decision, outcome.flags
    word = {"refused": "refused", "cancelled": "cancelled"}.get(outcome.finish_reason, "answered")
    if word == "answered" and decision is not None:
        word = "described"
    return {
        "decision": word,
        "guard": None if decision is None else decision.guard,
        "reason": None if decision is None else decision.reason,
        "flags": None if flags is None else [flag.kind for flag in flags],
        "prompt_tokens": outcome.num_prompt_tokens,
        "completion_tokens": outcome.num_new_tokens,
    }


def _uncounted(word: str, guard: str | None = None, reason: str | None = None) -> dict[str, Any]:
    """Of an answer about a whole file, whose tokens nobody counts."""
    facts = {"decision": word, "guard": guard, "reason": reason, "flags": None}
    return {**facts, "prompt_tokens": None, "completion_tokens": None}
