"""Annotation files of benchmarks: a JSON list, or one JSON object per line, with known fields."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videollama.errors import DataError

Field = str | tuple[str, ...]
"""A field's name, or its names in the releases that are about."""


def read_annotations(file: Path, fields: Sequence[Field]) -> list[dict[str, Any]]:
    """The entries of a file, each with all of some fields.

    Args:
        file: A JSON list of objects, or one object per line.
        fields: What every entry must have.

    Raises:
        DataError: The file cannot be read, is no such JSON, is empty, or an entry lacks a field.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text; get the file again.") from error
    if not text.strip():
        raise DataError(f"{file} is empty; get the file again.")
    entries = _entries(file, text)
    if not entries:
        raise DataError(f"{file} holds no entries; get the file again.")
    for number, entry in enumerate(entries, start=1):
        _require_fields(f"{file}, entry {number},", entry, fields)
    return entries


def value_of(entry: Mapping[str, Any], field: Field) -> str:
    """The text of a field that is there, without the blanks around it."""
    names = (field,) if isinstance(field, str) else field
    return str(next(entry[name] for name in names if name in entry)).strip()


def seconds_of(entry: Mapping[str, Any], field: str, place: str) -> float | None:
    """A time in seconds; None where the entry has none.

    Raises:
        DataError: The field holds something else.
    """
    value = entry.get(field)
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DataError(
            f"{place}: field {field!r} is {value!r}, but must be a time in seconds."
        ) from None


def find_annotations(folder: Path, names: Sequence[str]) -> Path:
    """The file itself, or the first in a folder that has one of some names.

    Raises:
        DataError: There is none.
    """
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise DataError(f"{folder} does not exist; name the benchmark's folder, or its file.")
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise DataError(f"{folder} holds none of {', '.join(names)}; name the file itself.")
    return found


def _entries(file: Path, text: str) -> list[Any]:
    try:
        whole = json.loads(text)
    except ValueError:
        return _lines(file, text)
    if isinstance(whole, list):
        return whole
    if isinstance(whole, dict) and len(text.strip().splitlines()) == 1:
        return [whole]
    raise DataError(f"{file} is neither a JSON list nor one JSON object per line.")


def _lines(file: Path, text: str) -> list[Any]:
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entries.append(json.loads(line))
        except ValueError as error:
            raise DataError(
                f"{file} is neither a JSON list nor one JSON object per line: "
                f"line {number} is {line[:40]!r}."
            ) from error
    return entries


def _require_fields(place: str, entry: Any, fields: Sequence[Field]) -> None:
    if not isinstance(entry, dict):
        raise DataError(f"{place} is no object: {entry!r:.60}.")
    for field in fields:
        names = (field,) if isinstance(field, str) else field
        name = next((name for name in names if name in entry), None)
        if name is None:
            wanted = " or ".join(repr(name) for name in names)
            raise DataError(f"{place} has no field {wanted}, only {', '.join(map(str, entry))}.")
        if entry[name] is None or not str(entry[name]).strip():
            raise DataError(f"{place} has nothing in its field {name!r}.")
