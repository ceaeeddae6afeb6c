"""One JSON line per request on standard error: who, what, how long; never what was said."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

LOGGER_NAME = "videollama.serve"


class JsonLines(logging.Formatter):
    """Every record as one line of JSON; the fields of a request come from `extra["facts"]`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error"] = type(error).__name__  # its text may hold what a client sent
            line["trace"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
        return json.dumps(line, ensure_ascii=False)


@contextmanager
def json_lines() -> Iterator[None]:
    """Sends the server's own lines and uvicorn's to standard error, as long as the block lasts."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    loggers = [logging.getLogger(name) for name in (LOGGER_NAME, "uvicorn", "uvicorn.error")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    for logger in loggers:
        logger.handlers = [handler] if logger.name != "uvicorn.error" else []
        logger.propagate = logger.name == "uvicorn.error"
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


def log_request(facts: dict[str, Any]) -> None:
    """One request that ended."""
    logging.getLogger(LOGGER_NAME).info("request", extra={"facts": facts})


def log_defect(request_id: str, error: BaseException) -> None:
    """An error that is ours: where it happened, not its text."""
    logging.getLogger(LOGGER_NAME).error(
        "defect", exc_info=error, extra={"facts": {"request_id": request_id}}
    )
