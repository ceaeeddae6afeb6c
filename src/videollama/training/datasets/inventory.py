"""What has been seen of a data set, in a temporary database: millions of files, little memory."""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videollama.errors import DataError, OutputError
from videollama.media.tar_members import open_bytes
from videollama.training.datasets.record import Medium, Sample, without_marks

ProblemKind = Literal["missing", "empty", "unreadable", "of another kind", "damaged"]
UNUSABLE: tuple[ProblemKind, ...] = ("missing", "empty", "unreadable", "of another kind")

_SCHEMA = """
CREATE TABLE media (
    id INTEGER PRIMARY KEY, kind TEXT, path BLOB, size INTEGER, seconds REAL,
    problem TEXT, reason TEXT, origin TEXT, digest BLOB, UNIQUE (path, kind)
);
CREATE TABLE uses (medium INTEGER, split TEXT, PRIMARY KEY (medium, split)) WITHOUT ROWID;
CREATE TABLE samples (id INTEGER PRIMARY KEY, split TEXT, origin TEXT, length INTEGER);
CREATE TABLE turns (question BLOB, answer BLOB, sample INTEGER);
"""


@dataclass(frozen=True)
class MediaState:
    """What looking at a file told.

    Attributes:
        size_bytes: 0 for a file that is not there.
        seconds: Its length; None for stills, and where the header does not tell.
        problem: What is wrong, if anything.
        reason: The same in words.
    """

    size_bytes: int = 0
    seconds: float | None = None
    problem: ProblemKind | None = None
    reason: str = ""


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest of some numbers."""

    count: int
    minimum: float
    median: float
    maximum: float


@dataclass(frozen=True)
class Found:
    """How often something was found, and the first cases in words."""

    count: int
    examples: tuple[str, ...]


class Inventory:
    """The samples and media of a data set; see :func:`open_inventory`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(
        self, sample: Sample, length: int, look_at: Callable[[Medium], MediaState]
    ) -> list[MediaState]:
        """Note a sample.

        Args:
            sample: The sample.
            length: Of its text.
            look_at: Called for media that have not been seen yet.

        Returns:
            What is known of each of its media.
        """
        cursor = self._database.execute(
            "INSERT INTO samples (split, origin, length) VALUES (?, ?, ?)",
            (sample.split, _shown(sample.origin), length),
        )
        number = cursor.lastrowid
        states = [self._add_medium(medium, sample, look_at) for medium in sample.media]
        names = "\n".join(f"{m.path}#{m.start_seconds}#{m.end_seconds}" for m in sample.media)
        self._database.executemany(
            "INSERT INTO turns VALUES (?, ?, ?)",
            [
                (
                    _digest(names, " ".join(without_marks(turn.question).split())),
                    _digest(turn.answer.strip()),
                    number,
                )
                for turn in sample.turns
            ],
        )
        return states

    def _add_medium(
        self, medium: Medium, sample: Sample, look_at: Callable[[Medium], MediaState]
    ) -> MediaState:
        path = os.fsencode(medium.path)
        known = self._database.execute(
            "SELECT id, size, seconds, problem, reason FROM media WHERE path = ? AND kind = ?",
            (path, medium.kind),
        ).fetchone()
        if known is None:
            state = look_at(medium)
            facts = (state.size_bytes, state.seconds, state.problem, _shown(state.reason))
            number = self._database.execute(
                "INSERT INTO media (kind, path, origin, size, seconds, problem, reason) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (medium.kind, path, _shown(sample.origin), *facts),
            ).lastrowid
        else:
            number, *facts_known = known
            state = MediaState(*facts_known)
        self._database.execute("INSERT OR IGNORE INTO uses VALUES (?, ?)", (number, sample.split))
        return state

    def finish(self, progress: Callable[[int], None]) -> None:
        """Compare the contents of files of equal size.

        Args:
            progress: Told how many files were compared so far.

        Raises:
            DataError: A file has gone since it was looked at.
        """
        self._database.execute("CREATE INDEX sizes ON media (size)")
        self._database.execute("CREATE INDEX questions ON turns (question, answer)")
        self._database.execute(
            "CREATE TEMP TABLE alike AS "
            "SELECT DISTINCT path FROM media WHERE (problem IS NULL OR problem = 'damaged') AND "
            "size IN (SELECT size FROM media GROUP BY size HAVING COUNT(DISTINCT path) > 1)"
        )
        rows = self._database.execute("SELECT path FROM alike")
        for number, (path,) in enumerate(rows, start=1):
            file = Path(os.fsdecode(path))
            try:
                with open_bytes(file) as stream:
                    digest = hashlib.file_digest(stream, "sha256").digest()
            except OSError as error:
                raise DataError(
                    f"{file} could be read at first, and now not ({error.strerror}); check again."
                ) from error
            self._database.execute("UPDATE media SET digest = ? WHERE path = ?", (digest, path))
            progress(number)

    def media_counts(self) -> dict[str, int]:
        """Files by kind."""
        return dict(self._database.execute("SELECT kind, COUNT(*) FROM media GROUP BY kind"))

    def split_counts(self) -> dict[str, tuple[int, int]]:
        """Samples and files by split."""
        media = dict(self._database.execute("SELECT split, COUNT(*) FROM uses GROUP BY split"))
        rows = self._database.execute("SELECT split, COUNT(*) FROM samples GROUP BY split")
        return {split: (count, media[split]) for split, count in rows}

    def num_turns(self) -> int:
        """Questions with answers."""
        return int(self._database.execute("SELECT COUNT(*) FROM turns").fetchone()[0])

    def durations(self, kind: str) -> Spread | None:
        """Lengths in seconds of the files of a kind."""
        return self._spread("seconds", "media WHERE kind = ? AND seconds IS NOT NULL", (kind,))

    def lengths(self) -> Spread | None:
        """Lengths of the samples' texts."""
        return self._spread("length", "samples")

    def problems(self, kind: ProblemKind, limit: int) -> Found:
        """Media with a problem, and the samples that named them first."""
        where = "FROM media WHERE problem = ?"
        count = self._database.execute(f"SELECT COUNT(*) {where}", (kind,)).fetchone()[0]
        rows = self._database.execute(
            f"SELECT origin, reason {where} ORDER BY id LIMIT ?", (kind, limit)
        )
        return Found(count, tuple(f"{origin}: {reason}" for origin, reason in rows))

    def repeated_questions(self, limit: int, *, same_answer: bool) -> Found:
        """Questions that several samples ask about the same media.

        Args:
            limit: So many are named.
            same_answer: Those with the same answer too, or those with another one.
        """
        columns = "question, answer" if same_answer else "question"
        groups = (
            f"SELECT MIN(sample) AS first, MAX(sample) AS last, COUNT(DISTINCT sample) - 1 AS more "
            f"FROM turns GROUP BY {columns} "
            f"HAVING more > 0 {'' if same_answer else 'AND COUNT(DISTINCT answer) > 1'}"
        )
        count = self._database.execute(f"SELECT SUM(more) FROM ({groups})").fetchone()[0]
        rows = self._database.execute(
            "SELECT a.origin, b.origin FROM "
            f"({groups} ORDER BY first LIMIT ?) JOIN samples a ON a.id = first "
            "JOIN samples b ON b.id = last ORDER BY first",
            (limit,),
        )
        return Found(count or 0, tuple(f"{one} and {other}" for one, other in rows))

    def equal_files(self, limit: int) -> Found:
        """Files with the content of another one."""
        groups = (
            "SELECT MIN(path) AS one, MAX(path) AS other, COUNT(DISTINCT path) - 1 AS more "
            "FROM media WHERE digest IS NOT NULL GROUP BY digest HAVING more > 0"
        )
        return self._named(groups, limit, "{} and {}")

    def leaks(self, limit: int) -> Found:
        """Contents that stand in more than one split, under one name or several."""
        groups = (
            "SELECT MIN(path) AS one, 1 AS more, "
            "REPLACE(GROUP_CONCAT(DISTINCT split), ',', ' and ') AS other "
            "FROM uses JOIN media ON media.id = medium "
            "GROUP BY COALESCE(digest, path) HAVING COUNT(DISTINCT split) > 1"
        )
        return self._named(groups, limit, "{} is in {}")

    def _named(self, groups: str, limit: int, form: str) -> Found:
        count = self._database.execute(f"SELECT SUM(more) FROM ({groups})").fetchone()[0]
        rows = self._database.execute(
            f"SELECT one, other FROM ({groups}) ORDER BY one LIMIT ?", (limit,)
        )
        return Found(
            count or 0, tuple(form.format(*(os.fsdecode(value) for value in row)) for row in rows)
        )

    def _spread(self, column: str, rows: str, values: tuple[str, ...] = ()) -> Spread | None:
        count, lowest, highest = self._database.execute(
            f"SELECT COUNT(*), MIN({column}), MAX({column}) FROM {rows}", values
        ).fetchone()
        if not count:
            return None
        middle = self._database.execute(
            f"SELECT {column} FROM {rows} ORDER BY {column} LIMIT 1 OFFSET ?",
            (*values, (count - 1) // 2),
        ).fetchone()[0]
        return Spread(count, lowest, middle, highest)


@contextmanager
def open_inventory() -> Iterator[Inventory]:
    """An empty inventory, whose file is gone when the block ends.

    Raises:
        OutputError: The folder for temporary files is full.
    """
    with tempfile.TemporaryDirectory(prefix="videollama-data.") as folder:
        try:
            with closing(sqlite3.connect(Path(folder) / "inventory.sqlite")) as database:
                # Nothing here outlives the process, so nothing has to survive a power cut.
                database.execute("PRAGMA synchronous = OFF")
                database.execute("PRAGMA journal_mode = OFF")
                database.executescript(_SCHEMA)
                yield Inventory(database)
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"{folder} cannot take notes on the data ({error}); set TMPDIR to a folder with "
                "more room."
            ) from error


def _shown(text: str) -> str:
    """Text without the surrogates that stand for bytes of file names in another encoding."""
    return text.encode(errors="backslashreplace").decode()


def _digest(*parts: str) -> bytes:
    joined = "\0".join(parts).encode(errors="surrogateescape")
    return hashlib.blake2b(joined, digest_size=16).digest()
