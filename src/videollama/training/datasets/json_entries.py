"""Entries of a JSON file, one at a time, however large the file is.

Three layouts are told apart by how the file begins:

    list          [{...}, {...}]
    annotations   {"annotations": [{...}, {...}]}
    lines         one {...} per line
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

from videollama.errors import DataError
from videollama.training.datasets.tables import OnBroken, opened_text

JsonLayout = Literal["list", "annotations", "lines"]

_CHUNK = 2**20  # characters
_LONGEST_ENTRY = 2**24  # characters; what seems longer lacks a bracket
_LIST = re.compile(r"\s*\[")
_ANNOTATIONS = re.compile(r'\s*\{\s*"annotations"\s*:\s*\[')
_BETWEEN = re.compile(r"\s*,?\s*")


def read_first_entry(file: Path) -> tuple[JsonLayout, Any]:
    """How a file is laid out, and its first entry.

    Raises:
        DataError: The file cannot be read, is none of the three layouts, or holds no entries.
    """
    with opened_text(file) as stream:
        layout, _ = _layout(stream, file)

    def refuse(origin: str, reason: str) -> None:
        raise DataError(
            f"{file} is neither a JSON list nor one JSON object per line: {origin.split(', ')[-1]} "
            f"{reason}."
        )

    first = next(read_entries(file, refuse), None)
    if first is None:
        raise DataError(f"{file} holds no entries; fill it, or take it out of the folder.")
    return layout, first[1]


def read_entries(file: Path, on_broken: OnBroken) -> Iterator[tuple[str, Any]]:
    """Where each entry stands ("chat.json, item 3", "train.jsonl, line 3"), and the entry.

    Args:
        file: JSON in one of the three layouts.
        on_broken: Told of lines that are no JSON.

    Raises:
        DataError: The file cannot be read, or its list is damaged.
    """
    with opened_text(file) as stream:
        layout, opening = _layout(stream, file)
        if layout == "lines":
            stream.seek(0)
            yield from _lines(stream, file, on_broken)
        else:
            yield from _items(stream, opening, file)


def _layout(stream: TextIO, file: Path) -> tuple[JsonLayout, str]:
    """The layout, and what has been read behind its opening bracket."""
    start = stream.read(_CHUNK)
    for layout, opening in (("annotations", _ANNOTATIONS), ("list", _LIST)):
        if match := opening.match(start):
            return layout, start[match.end() :]  # type: ignore[return-value]
    if not start.strip():
        raise DataError(f"{file} is empty; fill it, or take it out of the folder.")
    return "lines", ""


def _lines(stream: TextIO, file: Path, on_broken: OnBroken) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        origin = f"{file.name}, line {number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            on_broken(origin, f"is no JSON: {error}")
            continue
        yield origin, entry


def _items(stream: TextIO, buffer: str, file: Path) -> Iterator[tuple[str, Any]]:
    decoder = json.JSONDecoder()
    number, position = 1, 0
    while True:
        between = _BETWEEN.match(buffer, position)
        start = between.end() if between else position
        entry, end, wrong = None, start, "its list does not end"
        if buffer[start : start + 1] == "]":
            return
        try:
            entry, end = decoder.raw_decode(buffer, start)
        except (ValueError, RecursionError) as error:
            wrong = str(error)
        # What ends with the buffer may go on behind it.
        if end in (start, len(buffer)):
            more = stream.read(_CHUNK) if len(buffer) - position < _LONGEST_ENTRY else ""
            if not more:
                raise DataError(
                    f"{file} is damaged or cut off at item {number} ({wrong}); fetch it again."
                )
            buffer, position = buffer[position:] + more, 0
            continue
        yield f"{file.name}, item {number}", entry
        number, position = number + 1, end
