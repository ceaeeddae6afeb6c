"""Rows of a CSV or TSV file, one at a time."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from videollama.errors import DataError

OnBroken = Callable[[str, str], None]
"""Told where a broken sample stands, and what is wrong with it."""


def read_header(file: Path) -> tuple[str, ...]:
    """The names of the columns, in the first line; a tab in it tells that tabs part the cells.

    Raises:
        DataError: The file cannot be read, or has no rows.
    """
    with opened_text(file, newline="") as stream:
        columns, _ = _columns(stream)
        if not any(line.strip() for line in stream):
            raise DataError(f"{file} holds no rows; fill it, or take it out of the folder.")
    return columns


def read_rows(file: Path, on_broken: OnBroken) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row begins ("train.csv, line 7"), and its cells by column.

    Args:
        file: The table.
        on_broken: Told of rows that are not whole.

    Raises:
        DataError: The file cannot be read.
    """
    with opened_text(file, newline="") as stream:
        columns, delimiter = _columns(stream)
        rows = csv.reader(stream, delimiter=delimiter, strict=True)
        while True:
            origin = f"{file.name}, line {rows.line_num + 2}"
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                on_broken(origin, f"is no row: {error}; a quotation mark is probably missing")
                continue
            if len(cells) == len(columns):
                yield origin, dict(zip(columns, cells, strict=True))
            elif cells:
                on_broken(origin, f"has {len(cells)} cells, the first line {len(columns)}")


def _columns(stream: TextIO) -> tuple[tuple[str, ...], str]:
    """The names in the first line, and what parts the cells."""
    first = stream.readline()
    delimiter = "\t" if "\t" in first else ","
    names = next(csv.reader([first], delimiter=delimiter), [])
    return tuple(name.strip() for name in names), delimiter


@contextmanager
def opened_text(file: Path, newline: str | None = None) -> Iterator[TextIO]:
    """A text file, open for reading.

    Args:
        file: UTF-8, with or without a byte order mark.
        newline: As for `open`.

    Raises:
        DataError: It cannot be read, or is no such text; also while it is read.
    """
    try:
        with file.open(encoding="utf-8-sig", newline=newline) as stream:
            yield stream
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text; save it as UTF-8.") from error
