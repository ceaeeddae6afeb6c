"""Files inside uncompressed tar files, named SHARD.tar/NAME, read where they lie.

Nothing is taken out: a member is a piece of the tar file, and can be read from anywhere in it.
"""

import io
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

SUFFIX = ".tar"


@dataclass(frozen=True)
class FileState:
    """Size and time of change of a file or member; `offset` is where a member begins in its tar."""

    size: int
    mtime_ns: int
    shard: Path | None = None
    offset: int = 0


def state_of(path: Path) -> FileState:
    """Size and time of a file, or of a member of a tar file, which has the time of that.

    Raises:
        OSError: Nothing of that name is there, or it is not readable.
    """
    try:
        status = path.stat()
    except NotADirectoryError:
        found = _member(path)
        if found is None:
            raise
        return found
    return FileState(status.st_size, status.st_mtime_ns)


def open_bytes(path: Path) -> io.BufferedReader:
    """A file or a member of a tar file, to be read from anywhere.

    Raises:
        OSError: Nothing of that name is there, or it is not readable.
    """
    try:
        return path.open("rb")
    except NotADirectoryError:
        found = _member(path)
        if found is None or found.shard is None:
            raise
        piece = _Piece(found.shard, found.offset, found.size)
        return io.BufferedReader(cast("io.RawIOBase", piece))


def _member(path: Path) -> FileState | None:
    for parent in path.parents:
        if parent.suffix.lower() == SUFFIX and parent.is_file():
            status = parent.stat()
            try:
                places = _members(parent, status.st_size, status.st_mtime_ns)
            except tarfile.TarError:
                return None
            place = places.get(path.relative_to(parent).as_posix())
            return (
                None if place is None else FileState(place[1], status.st_mtime_ns, parent, place[0])
            )
    return None


@lru_cache(maxsize=256)
def _members(shard: Path, size: int, mtime_ns: int) -> dict[str, tuple[int, int]]:
    """Where every member begins, and its size; read anew when the shard has changed."""
    with tarfile.open(shard, "r:") as archive:
        return {each.name: (each.offset_data, each.size) for each in archive if each.isreg()}


class _Piece(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, shard: Path, offset: int, size: int) -> None:
        self._stream = shard.open("rb", buffering=0)
        self._offset, self._size, self._position = offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(f"there is nothing before the beginning: {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        left = max(0, self._size - self._position)
        with memoryview(buffer)[:left] as target:
            self._stream.seek(self._offset + self._position)
            count = self._stream.readinto(target) or 0
        self._position += count
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
