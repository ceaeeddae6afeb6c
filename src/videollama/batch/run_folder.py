"""The folder of a run: a note that tells which run it is, and one Parquet file for each block.

    OUTPUT/_run.json              input, options and model; written when the model is loaded
    OUTPUT/part-000000.parquet    the rows of block 0, and so on; a file that is there is whole

Only the process that began a run writes, here or in object storage. Names that begin with _ or .
are passed over by what reads folders of Parquet.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from fsspec.implementations.local import LocalFileSystem

from videollama.batch.rows import Row, schema_of
from videollama.checkpoints.atomic_output import new_file, require_new_file, writing_to
from videollama.errors import InputError, OutputError, VideoLlamaError

_LAYOUT = 1
_NOTE = "_run.json"
_PART = re.compile(r"part-(\d{6,})\.parquet")
_DRAFT = "_draft-"


@dataclass(frozen=True)
class RunNote:
    """What a run is told from others by.

    Attributes:
        source: The input as it was given.
        num_files: Files of it.
        source_fingerprint: Of their names and sizes.
        block_size: Files per block.
        options: As `BatchOptions.identity` gives them.
        model_fingerprint: Tells the model's weights from others'; empty before one was loaded.
    """

    source: str
    num_files: int
    source_fingerprint: str
    block_size: int
    options: dict[str, Any]
    model_fingerprint: str = ""


class RunFolder:
    """Where the results of a run go.

    Args:
        output: A folder here, or an address that fsspec knows.
    """

    def __init__(self, output: str) -> None:
        self.output = output
        try:
            self._system, self._root = fsspec.core.url_to_fs(output)
        except (ValueError, ImportError) as error:
            raise OutputError(f"{output} cannot be written to: {error}.") from error
        self._is_local = isinstance(self._system, LocalFileSystem)

    @contextmanager
    def only_writer(self) -> Iterator[None]:
        """Makes the folder and keeps other processes of this machine out; leaves no empty folder.

        Raises:
            OutputError: The place is taken, read-only or full, or another run is writing to it.
        """
        if not self._is_local:
            yield
            return
        folder = Path(self._root)
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{self.output} is a file; name a folder.")
        lock = FileLock(folder / ".lock")
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            require_new_file(folder / _NOTE)
            with writing_to(folder):
                lock.acquire(blocking=False)
            try:
                self._remove_drafts(folder)
                yield
            finally:
                lock.release()
                (folder / ".lock").unlink(missing_ok=True)
        except Timeout:
            raise OutputError(
                f"Another process is writing to {self.output}; wait until it is done."
            ) from None
        finally:
            with suppress(OSError):  # there are results in it
                folder.rmdir()

    def read_note(self) -> RunNote | None:
        """The note of the run that was begun here; None where none was.

        Raises:
            OutputError: The folder holds other things, or its note is damaged.
        """
        with self._answering():
            names = self._names()
        if _NOTE not in names:
            others = sorted(name for name in names if not name.startswith((".", _DRAFT)))
            if others:
                raise OutputError(
                    f"{self.output} holds other files ({others[0]}) and no run; "
                    "name another folder."
                )
            return None
        with self._answering():
            content = self._system.cat_file(self._path(_NOTE))
        try:
            facts = json.loads(content)
            layout = facts.pop("layout")
            note = RunNote(**facts)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise OutputError(
                f"{self._path(_NOTE)} is damaged; remove {self.output} and run again."
            ) from None
        if layout != _LAYOUT:
            raise OutputError(
                f"{self.output} was made by another version of videollama (layout {layout}, this "
                f"one writes {_LAYOUT}); name another folder."
            )
        return note

    def write_note(self, note: RunNote) -> None:
        """Makes the folder the run's.

        Raises:
            OutputError: As `write_block` does.
        """
        if not self._is_local:
            with self._answering():
                self._system.makedirs(self._root, exist_ok=True)
        text = json.dumps({"layout": _LAYOUT, **asdict(note)}, indent=2, ensure_ascii=True)
        self._write(_NOTE, f"{text}\n".encode())

    def finished_blocks(self) -> set[int]:
        """The numbers of the blocks whose rows are there."""
        with self._answering():
            found = (_PART.fullmatch(name) for name in self._names())
            return {int(match[1]) for match in found if match}

    def count_failed(self, blocks: Sequence[int]) -> int:
        """How many rows of finished blocks tell an error.

        Raises:
            OutputError: A file is damaged.
        """
        if not blocks:
            return 0
        paths = [self._path(_part_name(block)) for block in blocks]
        try:
            table = ds.dataset(paths, filesystem=self._system, format="parquet")
            return int(table.count_rows(filter=~ds.field("error").is_null()))
        except (pa.ArrowException, OSError) as error:
            damaged = next((path for path in paths if path in str(error)), self.output)
            raise OutputError(
                f"{damaged} is damaged; remove that file and run the same command again."
            ) from error

    def write_block(self, block: int, rows: Sequence[Row], task: str) -> None:
        """Writes the rows of a block: all or none.

        Raises:
            OutputError: The place is read-only or full, or does not answer.
        """
        table = pa.Table.from_pylist(list(rows), schema=schema_of(task))
        stream = pa.BufferOutputStream()
        pq.write_table(table, stream, compression="zstd")
        self._write(_part_name(block), stream.getvalue().to_pybytes())

    def _write(self, name: str, content: bytes) -> None:
        if not self._is_local:
            with self._answering():
                unfinished = self._path(f"{_DRAFT}{name}")
                self._system.pipe_file(unfinished, content)
                self._system.mv(unfinished, self._path(name))
            return
        with new_file(Path(self._path(name))) as draft, draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(
                stream.fileno()
            )  # a name must not outlive a power cut that its content did not

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _names(self) -> set[str]:
        self._system.invalidate_cache()
        if not self._system.exists(self._root):
            return set()
        return {path.rstrip("/").rpartition("/")[2] for path in self._system.ls(self._root, False)}

    def _remove_drafts(self, folder: Path) -> None:
        for pattern in (f".{_NOTE}.*", ".part-*"):
            for draft in folder.glob(pattern):
                draft.unlink(missing_ok=True)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turns what the many storages raise into one sentence; each has errors of its own."""
        try:
            yield
        except VideoLlamaError:
            raise
        except Exception as error:
            lines = str(error).splitlines() or [type(error).__name__]
            raise OutputError(
                f"{self.output} could not be used: {lines[0].rstrip('.')}."
            ) from error


def require_same_run(output: str, before: RunNote, now: RunNote) -> None:
    """Refuses to go on with another input, other options or another model.

    Raises:
        InputError: Something differs; the sentence names it.
    """
    remedy = "repeat the command as it was, or name another folder"
    for name in sorted({*before.options, *now.options}):
        was, wanted = before.options.get(name), now.options.get(name)
        if was != wanted:
            raise InputError(
                f"{output} was begun with {name} {_shown(was)}, not {_shown(wanted)}; {remedy}."
            )
    if before.source_fingerprint != now.source_fingerprint:
        raise InputError(
            f"{output} was begun with other files ({before.num_files} of {before.source}, now "
            f"{now.num_files} of {now.source}); {remedy}."
        )
    if before.block_size != now.block_size:
        raise InputError(
            f"{output} was begun with blocks of {before.block_size} files, not "
            f"{now.block_size}; {remedy}."
        )


def _part_name(block: int) -> str:
    return f"part-{block:06d}.parquet"


def _shown(value: Any) -> str:
    return "absent" if value is None else str(value)
