"""From a folder or file to its samples: which files hold them, in which format."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videollama.errors import DataError
from videollama.training.datasets.formats import FORMATS, Format, Layout
from videollama.training.datasets.json_entries import read_entries, read_first_entry
from videollama.training.datasets.llava_cc3m import CHAT_FILE, METADATA_FILE
from videollama.training.datasets.record import Place, Sample, split_in
from videollama.training.datasets.tables import OnBroken, read_header, read_rows
from videollama.training.datasets.webdataset import read_shard

_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".tar")
_ALIKE = 0.6  # of two names, one of which may be a slip for the other
_SUBFOLDERS = ("", "filter_annotation", "annotations")  # the second is what WebVid's README says


@dataclass(frozen=True)
class AnnotationFile:
    """A file with samples.

    Attributes:
        path: The file.
        format: How to read it.
        split: The split that its name tells.
    """

    path: Path
    format: Format
    split: str


@dataclass(frozen=True)
class DataSource:
    """Files with samples, of one format.

    Attributes:
        files: In the order of their names.
        media: Folder below which media are sought.
        unread: Other files, and why they were not read.
    """

    files: tuple[AnnotationFile, ...]
    media: Path
    unread: Mapping[Path, str]

    def samples(self, on_broken: OnBroken) -> Iterator[Sample]:
        """All samples, file by file; see :func:`read_samples`."""
        for file in self.files:
            yield from read_samples(file, self.media, on_broken)


def open_source(path: Path, media: Path | None = None) -> DataSource:
    """Find the files with samples, and recognise their format by what they hold.

    Args:
        path: A file, or a folder that holds such files of one format.
        media: Folder with the media; None: beside the annotations.

    Raises:
        DataError: Nothing is there, no format fits, or two do.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist; name a folder with annotations, or their file.")
    if media is not None and not media.is_dir():
        raise DataError(f"{media} is no folder; name the one with the media.")
    found: list[AnnotationFile] = []
    unread: dict[Path, str] = {}
    for file in _annotation_files(path):
        layout, first = _look_into(file)
        known = [form for form in FORMATS if _fits(form, layout, first)]
        if len(known) > 1:
            names = " and of ".join(form.name for form in known)
            raise DataError(f"{file} has the fields of {names}; leave those of one.")
        if known:
            found.append(AnnotationFile(file, known[0], split_in(file.stem)))
        else:
            unread[file] = _advice(layout, first)
    if not found:
        file, reason = next(iter(unread.items()))
        raise DataError(f"{file} is in no known format: {reason}.")
    found = _without_twin(found, unread)
    _require_one_format(path, found)
    folder = path if path.is_dir() else path.parent
    return DataSource(tuple(found), media or folder, unread)


def read_samples(file: AnnotationFile, media: Path, on_broken: OnBroken) -> Iterator[Sample]:
    """The samples of one file, read one at a time; media are not opened.

    Args:
        file: What to read.
        media: Folder below which media are sought.
        on_broken: Told of entries that are no sample; these are skipped.

    Raises:
        DataError: The file cannot be read to its end.
    """
    if "table" in file.format.layouts:
        entries = read_rows(file.path, on_broken)
    elif "shard" in file.format.layouts:
        media, entries = file.path, read_shard(file.path, on_broken)
    else:
        entries = read_entries(file.path, on_broken)
    for origin, entry in entries:
        if not isinstance(entry, dict):
            on_broken(origin, f"is no object: {entry!r:.60}")
            continue
        try:
            sample = file.format.read_sample(entry, Place(origin, file.split, media))
        except DataError as error:
            on_broken(origin, str(error))
            continue
        yield sample


def _annotation_files(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise DataError(f"{path} ends in none of {', '.join(_SUFFIXES)}; rename it.")
        return [path]
    files = [
        file
        for sub in _SUBFOLDERS
        if (path / sub).is_dir()
        for file in sorted((path / sub).iterdir())
        if file.suffix.lower() in _SUFFIXES and file.is_file()
    ]
    if not files:
        raise DataError(
            f"{path} holds no {', '.join(_SUFFIXES)} with annotations; name the file or its folder."
        )
    return files


def _look_into(file: Path) -> tuple[Layout, Mapping[str, Any]]:
    """The layout, and the first entry; of a table, the columns with nothing in them."""
    if file.suffix.lower() in (".csv", ".tsv"):
        return "table", dict.fromkeys(read_header(file))
    if file.suffix.lower() == ".tar":
        return "shard", next(read_shard(file, lambda origin, reason: None), ("", {}))[1]
    layout, first = read_first_entry(file)
    return layout, first if isinstance(first, dict) else {}


def _fits(form: Format, layout: Layout, first: Mapping[str, Any]) -> bool:
    return layout in form.layouts and set(form.fields) <= set(first) and form.fits(first)


def _advice(layout: Layout, first: Mapping[str, Any]) -> str:
    """Which format a file is nearest to, and what of it is missing."""
    what = "columns" if layout == "table" else "fields"
    if not first:
        return f"its first entry has no {what}"
    present = [str(name) for name in first]
    forms = [form for form in FORMATS if layout in form.layouts]
    nearest = max(forms, key=lambda form: _closeness(form.fields, present))
    if _closeness(nearest.fields, present) == 0:
        known = "; ".join(f"{form.name} has {', '.join(form.fields)}" for form in forms)
        return f"its {what} are {', '.join(present)}; {known}"
    missing = [name for name in nearest.fields if name not in present]
    hints = [
        f"{like[0]!r} may be a slip for {name!r}"
        for name in missing
        if (like := difflib.get_close_matches(name, present, n=1, cutoff=_ALIKE))
    ]
    advice = "".join(f"; {hint}" for hint in hints)
    lacks = f", of which {', '.join(missing)} is missing" if missing else ""
    return (
        f"its {what} are {', '.join(present)}; the nearest is {nearest.name} with "
        f"{', '.join(nearest.fields)}{lacks}{advice}"
    )


def _closeness(fields: Sequence[str], present: Sequence[str]) -> float:
    """How many of the fields are there, or nearly."""
    near = [max(_likeness(field, name) for name in present) for field in fields]
    return sum(value for value in near if value >= _ALIKE) / len(fields)


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio()


def _without_twin(found: list[AnnotationFile], unread: dict[Path, str]) -> list[AnnotationFile]:
    """LLaVA-CC3M's captions are in chat.json already."""
    if not any(file.path.name == CHAT_FILE for file in found):
        return found
    for file in found:
        if file.path.name == METADATA_FILE:
            unread[file.path] = f"{CHAT_FILE} has the same captions; name the file to read it alone"
    return [file for file in found if file.path not in unread]


def _require_one_format(path: Path, found: Sequence[AnnotationFile]) -> None:
    names = {file.format.name: file.path.name for file in reversed(found)}
    if len(names) > 1:
        listed = ", ".join(f"{file} ({name})" for name, file in reversed(names.items()))
        raise DataError(f"{path} holds more than one format: {listed}; name one of the files.")
