"""A batch from beginning to end; one that was stopped goes on where it was."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from math import ceil
from time import perf_counter
from typing import TYPE_CHECKING, Any

from videollama.batch.dispatch import Block, Worker, rows_of_blocks
from videollama.batch.local_workers import local_workers
from videollama.batch.media_list import MediaList, list_media
from videollama.batch.options import BatchOptions
from videollama.batch.run_folder import RunFolder, RunNote, require_same_run
from videollama.errors import DataError, InputError

if TYPE_CHECKING:
    from videollama.batch.rows import Row

_MOST_FILES_PER_BLOCK = 64
_BLOCKS_PER_WORKER = 4  # so that all have something to do until the end


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        done: Files that have a row, those of earlier calls included.
        total: All files.
        failed: Those of them that could not be used.
        errors: Sentences of the block that was written last.
    """

    done: int
    total: int
    failed: int
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchReport:
    """What became of a batch.

    Attributes:
        output: Where the results are.
        files: Rows in it.
        failed: Rows of files that could not be used.
        blocks: Files of results.
        files_before: Rows that earlier calls had written.
        seconds: How long this call took, loading the model included.
    """

    output: str
    files: int
    failed: int
    blocks: int
    files_before: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers and strings, ready for JSON."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def run_batch(
    source: str,
    output: str,
    options: BatchOptions,
    *,
    workers: int | None = None,
    address: str | None = None,
    block_size: int | None = None,
    max_failures: int | None = None,
    on_progress: Callable[[BatchProgress], None] = lambda progress: None,
) -> BatchReport:
    """Does one thing to every file of a folder or list, and writes a table of the results.

    The same call again goes on with the blocks that are missing. Programs that call it need the
    usual `if __name__ == "__main__":`, for the workers are processes of their own.

    Args:
        source: A folder, or a list of files (.txt, .csv, .parquet), here or in object storage.
        output: A folder for Parquet files, here or in object storage; only this process writes.
        options: What is done, with which model.
        workers: Processes, each with a model of its own; 1 if absent, with `address` one for each
            GPU of the cluster, or each CPU where it has none.
        address: A Ray cluster to work on: "ray://host:10001", "host:6379" or "auto".
        block_size: Files whose results are written together; at most 64 if absent.
        max_failures: Stop when more files than that could not be used.
        on_progress: Called after every block.

    Raises:
        InputError: Nothing to do, another run's output, or an address that does not answer.
        OutputError: The place is taken, read-only or full.
        DataError: More files than `max_failures` could not be used.
        VideoLlamaError: The model cannot be loaded.
    """
    started = perf_counter()
    for name, value in (("workers", workers), ("block_size", block_size)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}, but must be 1 or more.")
    media = list_media(source)
    folder = RunFolder(output)
    with folder.only_writer():
        before = folder.read_note()
        note = _note(source, media, options, block_size, workers, before)
        if before is not None:
            require_same_run(output, before, note)
        crew = _crew(options, address, workers)
        run = _Run(folder, note, media, options.task, max_failures)
        run.finish(crew, on_progress)
    return BatchReport(
        output=output,
        files=len(media.paths),
        failed=run.failed,
        blocks=run.num_blocks,
        files_before=run.files_before,
        seconds=perf_counter() - started,
    )


class _Run:
    """The blocks of a run: which are done, and the rest."""

    def __init__(
        self,
        folder: RunFolder,
        note: RunNote,
        media: MediaList,
        task: str,
        max_failures: int | None,
    ) -> None:
        self._folder, self._note, self._media, self._task = folder, note, media, task
        self._max_failures = max_failures
        self.num_blocks = ceil(len(media.paths) / note.block_size)
        self._finished = {n for n in folder.finished_blocks() if n < self.num_blocks}
        self.failed = folder.count_failed(sorted(self._finished))
        self.done = sum(len(self._paths(block)) for block in self._finished)
        self.files_before = self.done

    def finish(
        self,
        crew: AbstractContextManager[list[Worker]],
        on_progress: Callable[[BatchProgress], None],
    ) -> None:
        """Does the blocks that are missing."""
        self._tell(on_progress)
        if len(self._finished) == self.num_blocks:
            return
        with crew as workers:
            for block, rows in rows_of_blocks(workers, self._missing(), self._same_model):
                self._folder.write_block(block.number, rows, self._task)
                self.done += len(rows)
                self._tell(on_progress, rows)

    def _tell(
        self, on_progress: Callable[[BatchProgress], None], rows: "list[Row] | None" = None
    ) -> None:
        errors = tuple(str(row["error"]) for row in rows or [] if row.get("error") is not None)
        self.failed += len(errors)
        on_progress(BatchProgress(self.done, len(self._media.paths), self.failed, errors))
        if self._max_failures is not None and self.failed > self._max_failures:
            raise DataError(
                f"{self.failed} files could not be used, more than the {self._max_failures} that "
                f"were to be borne; {self._folder.output} tells why, in the column error."
            )

    def _missing(self) -> Iterator[Block]:
        for number in range(self.num_blocks):
            if number not in self._finished:
                yield Block(number, self._paths(number))

    def _paths(self, block: int) -> tuple[str, ...]:
        size = self._note.block_size
        return self._media.paths[block * size : (block + 1) * size]

    def _same_model(self, fingerprint: str) -> None:
        """Notes the first model that was loaded, and refuses others."""
        if not self._note.model_fingerprint:
            self._note = replace(self._note, model_fingerprint=fingerprint)
            self._folder.write_note(self._note)
        elif self._note.model_fingerprint != fingerprint:
            raise InputError(
                f"{self._folder.output} was begun with other weights of the model; "
                "name those with --model, or name another folder."
            )


def _note(
    source: str,
    media: MediaList,
    options: BatchOptions,
    block_size: int | None,
    workers: int | None,
    before: RunNote | None,
) -> RunNote:
    if block_size is None:
        per_worker = ceil(len(media.paths) / ((workers or 1) * _BLOCKS_PER_WORKER))
        block_size = min(_MOST_FILES_PER_BLOCK, per_worker)
        block_size = before.block_size if before is not None else block_size
    return RunNote(
        source=source,
        num_files=len(media.paths),
        source_fingerprint=media.fingerprint,
        block_size=block_size,
        options=options.identity(),
        model_fingerprint=before.model_fingerprint if before is not None else "",
    )


def _crew(
    options: BatchOptions, address: str | None, workers: int | None
) -> AbstractContextManager[list[Worker]]:
    if address is None:
        return local_workers(options, workers or 1)
    if find_spec("ray") is None:
        raise InputError(
            f"ray is not installed, but needed to work on {address}; run: "
            'pip install "videollama[batch]"'
        )
    from videollama.batch.ray_workers import ray_workers

    return ray_workers(options, address, workers)
