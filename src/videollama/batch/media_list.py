"""The files of a batch: those of a folder, or those that a list names, here or in object storage.

clips/  s3://bucket/clips/       every video, picture and sound, with the folders inside
files.txt                        a path or an address on each line
files.csv  files.parquet         the column `path`, or the only one
"""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from videollama.errors import InputError
from videollama.media.suffixes import MEDIA_SUFFIXES

_LIST_SUFFIXES = (".txt", ".csv", ".parquet")


@dataclass(frozen=True)
class MediaList:
    """The files of a batch, in an order that does not change.

    Attributes:
        paths: Absolute paths and addresses, each once.
        fingerprint: Tells these from others; of a folder's files the sizes count too.
    """

    paths: tuple[str, ...]
    fingerprint: str


def list_media(source: str) -> MediaList:
    """Finds the files that a folder holds or a list names.

    Args:
        source: A folder, a list, or one file, here or at an address that fsspec knows.

    Raises:
        InputError: There is nothing of that name, or no media are in it.
    """
    with _reading(source):
        import fsspec

        system, root = fsspec.core.url_to_fs(source)
        if system.isdir(root):
            found = _in_folder(system, root)
        elif not system.exists(root):
            raise InputError(f"{source} does not exist; name a folder or a list of files.")
        else:
            found = _in_file(source, system, root)
    if not found:
        raise InputError(f"There is no video, picture or sound file in {source}.")
    digest = sha256()
    for path, size in found.items():
        digest.update(f"{path}\0{size}\n".encode("utf-8", "surrogateescape"))
    return MediaList(tuple(found), digest.hexdigest())


def is_address(path: str) -> bool:
    """Whether a path is an address such as s3://bucket/clip.mp4, for fsspec to open."""
    return "://" in path


@contextmanager
def _reading(source: str) -> Iterator[None]:
    """Turns what the many systems raise into one sentence; each has errors of its own."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{source} could not be read: {lines[0].rstrip('.')}.") from error


def _in_folder(system: Any, root: str) -> dict[str, int | None]:
    inside = system.find(root, detail=True)
    return {
        _whole_name(system, name): facts.get("size")
        for name, facts in sorted(inside.items())
        if PurePosixPath(name).suffix.lower() in MEDIA_SUFFIXES and facts["type"] != "directory"
    }


def _in_file(source: str, system: Any, name: str) -> dict[str, int | None]:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in MEDIA_SUFFIXES:
        return {_whole_name(system, name): system.size(name)}
    if suffix not in _LIST_SUFFIXES:
        raise InputError(
            f"{source} is neither a folder nor a list of files; "
            f"name a folder, or a list that ends in {', '.join(_LIST_SUFFIXES)}."
        )
    content = system.cat_file(name)
    if suffix == ".parquet":
        named = _from_parquet(source, content)
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{source} is not text in UTF-8; save the list as such.") from None
        named = _from_csv(source, text) if suffix == ".csv" else text.splitlines()
    stripped = (path.strip() for path in named)
    return {
        path if is_address(path) else str(Path(path).expanduser().absolute()): None
        for path in stripped
        if path
    }


def _from_csv(source: str, text: str) -> Iterator[str]:
    rows = csv.DictReader(io.StringIO(text))
    column = _column(source, rows.fieldnames or [])
    return (row[column] or "" for row in rows)


def _from_parquet(source: str, content: bytes) -> Iterable[str]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(content))
    column = _column(source, file.schema_arrow.names)
    return (str(path or "") for path in file.read([column])[column].to_pylist())


def _column(source: str, names: Iterable[str]) -> str:
    names = list(names)
    if "path" in names:
        return "path"
    if len(names) != 1:
        raise InputError(
            f"{source} has the columns {', '.join(names) or '(none)'}; call that of the files path."
        )
    return names[0]


def _whole_name(system: Any, name: str) -> str:
    """What names a file from everywhere: an absolute path here, an address elsewhere."""
    protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    return name if "file" in protocols else str(system.unstrip_protocol(name))
