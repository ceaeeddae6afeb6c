"""The database of a library: two tables of LanceDB, and a note of what wrote them.

    DIR/videollama.json   layout of the tables, and which model filled them
    DIR/files.lance       one row per file: where it lies, and which content it had
    DIR/segments.lance    the segments of every content, whatever files hold it

A file's segments are committed together, so a content is in the database wholly or not at all.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import lancedb
import pyarrow as pa
from filelock import FileLock, Timeout
from lancedb.index import FTS, HnswSq

from videollama.checkpoints.atomic_output import writing_to
from videollama.errors import InputError, OutputError
from videollama.search.model_note import NOTE_NAME, ModelNote, read_note, write_note
from videollama.search.table_schemas import FILES_SCHEMA, FileRecord, segments_schema

ROWS_WORTH_AN_INDEX = 20_000
"""Of fewer vectors all are compared."""

VECTOR_COLUMNS = ("picture_vector", "sound_vector")
_OURS = {"files.lance", "segments.lance", ".lock"}
_FULL = ("No space left on device", "Disk quota exceeded")
_REFUSED = ("Permission denied", "Read-only file system")
_COMPARED_WHOLE = 4  # times as many as wanted are compared again, by vectors that are not rounded
_KEPT_VERSIONS = timedelta(minutes=10)  # for searches that run meanwhile


class SegmentStore:
    """The tables of one database.

    Args:
        folder: Where it lies; made by :meth:`create`.

    Raises:
        InputError: There is no database, or one of another layout.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.note = read_note(folder)
        if self.note is None:
            raise InputError(
                f"{folder} is no library; make one with: videollama index FOLDER --db {folder}"
            )
        try:
            connection = lancedb.connect(folder)
            self._files: Any = connection.open_table("files")  # LanceDB types half of a table
            self._segments: Any = connection.open_table("segments")
        except (ValueError, RuntimeError, OSError) as error:
            raise InputError(
                f"The library {folder} is damaged ({str(error).splitlines()[0]}); remove it and "
                "index the folder again."
            ) from error

    @classmethod
    def create(cls, folder: Path, note: ModelNote) -> "SegmentStore":
        """Opens a database, and makes it before where there is none.

        Raises:
            InputError: It is of another layout or another model.
            OutputError: The place is taken, read-only or full.
        """
        if read_note(folder) is None:
            require_place(folder)
            with writing(folder):
                connection: Any = lancedb.connect(folder)
                for left_behind in ("files", "segments"):
                    connection.drop_table(left_behind, ignore_missing=True)
                connection.create_table("files", schema=FILES_SCHEMA)
                table = connection.create_table("segments", schema=segments_schema(note.width))
                table.create_index("text", config=FTS(stem=True, remove_stop_words=True))
            write_note(folder, note)
        store = cls(folder)
        store.require_model(note)
        return store

    def require_model(self, note: ModelNote) -> None:
        """Makes sure that vectors and tokens are those of a model.

        Raises:
            InputError: They are another's.
        """
        if self.note != note:
            raise InputError(
                f"The library {self.folder} was made with another model; name that one with "
                "--model, or index into another --db."
            )

    @contextmanager
    def only_writer(self) -> Iterator[None]:
        """Keeps others from writing.

        Raises:
            InputError: Another one is writing.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            with writing_to(self.folder):
                lock.acquire(blocking=False)
        except Timeout:
            raise InputError(
                f"Another process is writing to the library {self.folder}; wait until it is done."
            ) from None
        try:
            yield
        finally:
            lock.release()

    @property
    def num_segments(self) -> int:
        """Rows of all contents."""
        return self._segments.count_rows()

    def files(self) -> dict[str, FileRecord]:
        """All files, by path."""
        rows = self._files.to_arrow().to_pylist()
        return {row["path"]: FileRecord(**row) for row in rows}

    def contents(self) -> set[str]:
        """The contents whose segments are there."""
        found = self._segments.search().select(["content"]).to_arrow()
        return set(found["content"].to_pylist())

    def paths_of(self, contents: Collection[str]) -> dict[str, list[str]]:
        """The files that hold contents, by content; without those that no file holds."""
        found: dict[str, list[str]] = {}
        for part in _parts(sorted(contents)):
            query = self._files.search().where(f"content IN ({_quoted(part)})")
            for row in query.select(["path", "content"]).to_list():
                found.setdefault(row["content"], []).append(row["path"])
        return found

    def put_files(self, records: Sequence[FileRecord]) -> None:
        """Adds files; what was known of their paths is replaced.

        Raises:
            OutputError: The disk is full or read-only.
        """
        rows = pa.Table.from_pylist([asdict(record) for record in records], schema=FILES_SCHEMA)
        merge = self._files.merge_insert("path").when_matched_update_all()
        with writing(self.folder):
            merge.when_not_matched_insert_all().execute(rows)

    def remove_files(self, paths: Sequence[str]) -> None:
        """Forgets files; their segments stay until :meth:`remove_contents`."""
        with writing(self.folder):
            for part in _parts(paths):
                self._files.delete(f"path IN ({_quoted(part)})")

    def add_segments(self, rows: Sequence[dict[str, Any]]) -> None:
        """Adds all segments of a content at once.

        Raises:
            OutputError: The disk is full or read-only; then none was added.
        """
        schema = segments_schema(self.width)
        with writing(self.folder):
            self._segments.add(pa.Table.from_pylist(list(rows), schema=schema))

    def remove_contents(self, contents: Sequence[str]) -> None:
        """Removes the segments of contents that no file has any more."""
        with writing(self.folder):
            for part in _parts(contents):
                self._segments.delete(f"content IN ({_quoted(part)})")

    def tidy(self) -> None:
        """Brings the indexes up to date and joins the small pieces of many commits."""
        with writing(self.folder):
            for column in VECTOR_COLUMNS:
                self._index_vectors(column)
            for table in (self._files, self._segments):
                table.optimize(cleanup_older_than=_KEPT_VERSIONS)

    def refresh(self) -> None:
        """Sees what others have written meanwhile."""
        self._files.checkout_latest()
        self._segments.checkout_latest()

    def find_words(
        self, text: str, columns: Sequence[str], limit: int, where: str | None = None
    ) -> list[dict[str, Any]]:
        """Segments whose words match best (BM25, with English stems), best first."""
        query = self._segments.search(text, query_type="fts", fts_columns="text")
        if where is not None:
            query = query.where(where, prefilter=True)
        return query.select([*columns, "_score"]).limit(limit).to_list()

    def find_vector(
        self, column: str, vector: Any, columns: Sequence[str], limit: int
    ) -> list[dict[str, Any]]:
        """Segments whose vectors are nearest by their angle, nearest first.

        Args:
            column: One of `VECTOR_COLUMNS`.
            vector: Of numpy, `(D,)`.
            columns: What is wanted of each.
            limit: How many.
        """
        query = self._segments.search(vector, vector_column_name=column).distance_type("cosine")
        query = query.refine_factor(_COMPARED_WHOLE).select([*columns, "_distance"])
        return query.limit(limit).to_list()

    def all_segments(self, columns: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """The first segments, in no particular order."""
        return self._segments.search().select(list(columns)).limit(limit).to_list()

    @property
    def width(self) -> int:
        """Length of a vector."""
        assert self.note is not None
        return self.note.width

    def _index_vectors(self, column: str) -> None:
        if any(index.columns == [column] for index in self._segments.list_indices()):
            return
        if self._segments.count_rows(f"{column} IS NOT NULL") < ROWS_WORTH_AN_INDEX:
            return
        config = HnswSq(distance_type="cosine", num_partitions=1)
        self._segments.create_index(column, config=config)


def require_place(folder: Path) -> None:
    """Makes the folder of a new database; nothing may be in it but what a stop left there.

    Raises:
        OutputError: The place is taken or read-only.
    """
    if folder.is_dir() and {each.name for each in folder.iterdir()} - _OURS - {NOTE_NAME}:
        raise OutputError(f"{folder} holds other files and no library; name another --db.")
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns LanceDB's refusals to write into one sentence.

    Raises:
        OutputError: The disk is full or read-only.
    """
    with writing_to(folder):
        try:
            yield
        except RuntimeError as error:
            message = str(error)
            if any(words in message for words in _FULL):
                raise OutputError(
                    f"{folder} could not be written: the disk is full; free some space."
                ) from error
            if any(words in message for words in _REFUSED):
                raise OutputError(
                    f"{folder} could not be written: permission is denied; name another --db."
                ) from error
            raise


def _quoted(values: Sequence[str]) -> str:
    return ", ".join("'{}'".format(value.replace("'", "''")) for value in values)


def _parts(values: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    return (values[first : first + size] for first in range(0, len(values), size))
