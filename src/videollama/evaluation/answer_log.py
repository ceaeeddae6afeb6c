"""Answers on disk, one JSON line each, so that a stopped evaluation goes on where it was."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from videollama.checkpoints.atomic_output import append_line, new_file
from videollama.errors import OutputError


@dataclass(frozen=True)
class Record:
    """One answer, or why there is none.

    Attributes:
        id: Of the sample.
        blind: Whether no media were given.
        question: What was asked.
        truth: What the answer is compared with.
        answer: What was answered; None when the media could not be read.
        error: Why they could not be read.
        score: Per cent; None before the whole task is judged.
        verdicts: What a judge said, or why it did not, by aspect.
    """

    id: str
    blind: bool
    question: str
    truth: Any
    answer: str | None = None
    error: str | None = None
    score: float | None = None
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)


class AnswerLog:
    """A file that holds a line about the run, then a line per answer.

    Args:
        path: The file; made with its folders when it is not there.
        run: What the answers depend on (task, data, seed, weights).

    Raises:
        OutputError: If the file is of another run or no such file, or cannot be written.
    """

    def __init__(self, path: Path, run: dict[str, Any]) -> None:
        self._path = path
        self._run = run
        self.records: dict[tuple[str, bool], Record] = {}
        try:
            if path.exists() and path.stat().st_size:
                self._read()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({"run": run}) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written ({error.strerror}); name another place or free some "
                "space."
            ) from error

    def add(self, record: Record) -> None:
        """Append a line at once."""
        self.records[record.id, record.blind] = record
        append_line(self._path, _line(record))

    def finish(self, records: Iterable[Record]) -> None:
        """Replace the lines by judged ones, all at once."""
        for record in records:
            self.records[record.id, record.blind] = record
        lines = [json.dumps({"run": self._run}), *map(_line, self.records.values())]
        with new_file(self._path) as draft:
            draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _read(self) -> None:
        text = self._path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        try:
            head, *rows = [json.loads(line) for line in whole.splitlines()]
            run = head["run"]
            records = [Record(**row) for row in rows]
        except (ValueError, TypeError, KeyError):
            raise OutputError(
                f"{self._path} is not a file of answers; choose another --output."
            ) from None
        differing = [key for key in self._run if run.get(key) != self._run[key]]
        if differing:
            key = differing[0]
            raise OutputError(
                f"{self._path} holds answers with {key} {run.get(key)!r}, not {self._run[key]!r}; "
                "choose another --output or remove it."
            )
        self.records = {(record.id, record.blind): record for record in records}
        if whole != text:  # a line that was cut off while it was written
            with self._path.open("r+b") as file:
                file.truncate(len(whole.encode("utf-8")))


def _line(record: Record) -> str:
    return json.dumps(asdict(record), ensure_ascii=False)
