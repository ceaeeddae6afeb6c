"""What a worker does, wherever it runs: hold the model, and make rows of the files of a block."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from videollama.batch.media_list import is_address
from videollama.batch.options import BatchOptions
from videollama.batch.rows import Row, failed_row, rows_of

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama

_FETCHED_AT_ONCE = 4
_FILES_PER_PASS = 4  # of the decoder, as `VideoLlama.caption` takes them


class BlockWorker:
    """Holds a model and makes rows of files.

    Args:
        options: What is done, with which model.
    """

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._assistant: VideoLlama | None = None

    def load(self) -> str:
        """Loads the model.

        Returns:
            What tells its weights from others'.

        Raises:
            VideoLlamaError: As `VideoLlama.load` does.
        """
        from videollama.inference.engine import VideoLlama
        from videollama.search.model_note import note_of

        self._assistant = VideoLlama.load(
            self._options.model,
            device=self._options.device,
            dtype=self._options.dtype,
            cache_media=False,  # no file comes twice
            decoder_layers=self._options.task != "embed",
        )
        return note_of(self._assistant.model).fingerprint

    def process(self, paths: Sequence[str]) -> list[Row]:
        """One row for each file, in the order given; one that cannot be used gives its error."""
        if not any(is_address(path) for path in paths):
            return self._rows(paths)
        rows: list[Row] = []
        with TemporaryDirectory(prefix="videollama-batch-") as folder:
            for wanted, here in _fetched(paths, Path(folder)):
                rows += self._fetched_rows(wanted, here)
        return rows

    def _rows(self, paths: Sequence[str]) -> list[Row]:
        """What nobody foresaw costs one file, not the block: then each is tried by itself."""
        assert self._assistant is not None
        try:
            return rows_of(self._assistant, paths, self._options)
        except Exception as error:
            if len(paths) > 1:
                return [row for path in paths for row in self._rows([path])]
            return [failed_row(paths[0], f"{paths[0]}: {type(error).__name__}: {error}")]

    def _fetched_rows(self, paths: Sequence[str], here: Sequence[Path | str]) -> list[Row]:
        """The rows of copies under the names of their originals; a `str` tells a failure."""
        copies = [str(copy) for copy in here if isinstance(copy, Path)]
        made = iter(self._rows(copies) if copies else [])
        rows = []
        for path, copy in zip(paths, here, strict=True):
            if isinstance(copy, str):
                rows.append(failed_row(path, copy))
                continue
            row = next(made)
            if error := row.get("error"):
                row = failed_row(path, error.replace(str(copy), path))
            rows.append({**row, "path": path})
            if is_address(path):  # the copy is ours
                copy.unlink(missing_ok=True)
        return rows


def _fetched(
    paths: Sequence[str], folder: Path
) -> Iterator[tuple[Sequence[str], list[Path | str]]]:
    """Some files at a time, with their copies; the next are fetched while these are used."""
    with ThreadPoolExecutor(_FETCHED_AT_ONCE) as pool:
        copies: list[Future[Path | str]] = [
            pool.submit(_copy, path, folder / f"{number}{PurePosixPath(path).suffix}")
            for number, path in enumerate(paths)
        ]
        for first in range(0, len(paths), _FILES_PER_PASS):
            some = slice(first, first + _FILES_PER_PASS)
            yield paths[some], [copy.result() for copy in copies[some]]


def _copy(path: str, target: Path) -> Path | str:
    """A file of this machine with the content of an address, or why there is none."""
    if not is_address(path):
        return Path(path)
    import fsspec

    try:
        system, name = fsspec.core.url_to_fs(path)
        system.get_file(name, str(target))
    except Exception as error:  # every system has errors of its own
        return f"{path} could not be fetched: {str(error) or type(error).__name__}"
    return target
