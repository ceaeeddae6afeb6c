"""Outputs of frozen encoders on disk: computed once, memory-mapped, resumable at any time.

    CACHE/photo_view_0-3f2a…/   key.json        what the features depend on
                                features.npy    float16 (N, …), one row per file
                                stamps.npy      size and time of each file when its row was written

A row counts only while its stamp is that of the file, and the stamp is written after the row; so
neither a kill nor a changed file leaves a wrong row behind. Unreadable files are tried anew at
every run.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from videollama.checkpoints.atomic_output import new_file, writing_to
from videollama.errors import OutputError, VideoLlamaError
from videollama.training.broken_samples import BrokenSamples

Report = Callable[[str], None]
"""Told a line of progress."""

_SECONDS_BETWEEN_REPORTS = 15.0


class FeatureCache:
    """One row of features per file.

    Args:
        root: Folder of all caches.
        name: What is kept, for people.
        files: The files, one per row.
        shape: Shape of a row.
        key: All else that the features depend on: weights, preprocessing, seeds.
    """

    def __init__(
        self,
        root: Path,
        name: str,
        files: Sequence[Path],
        shape: tuple[int, ...],
        key: Mapping[str, object],
    ) -> None:
        self.name, self.files, self.shape = name, list(files), shape
        self._key = {
            **key,
            "name": name,
            "shape": list(shape),
            "files": _digest("\n".join(str(file) for file in files).encode()),
        }
        text = json.dumps(self._key, sort_keys=True)
        self.folder = root / f"{name}-{_digest(text.encode())[:16]}"
        self.usable = np.zeros(len(self.files), dtype=bool)
        self._features: np.ndarray | None = None

    @property
    def num_bytes(self) -> int:
        """Size of the whole cache on disk."""
        return 2 * len(self.files) * int(np.prod(self.shape))

    def __getitem__(self, rows: int | Sequence[int]) -> np.ndarray:
        """Features of a row or of several; float16."""
        if self._features is None:
            raise RuntimeError(f"{self.name} is read before it is filled")
        return self._features[rows]

    def fill(
        self,
        read: Callable[[int], Tensor],
        encode: Callable[[Tensor], Tensor],
        *,
        batch_size: int,
        broken: BrokenSamples,
        report: Report,
    ) -> None:
        """Compute the rows that are missing.

        Args:
            read: Gives the encoder's input for a row; its `VideoLlamaError` marks the row broken.
            encode: Turns stacked inputs `(B, …)` into features `(B, *shape)`.
            batch_size: Rows encoded at a time.
            broken: Collects unreadable files.
            report: Told the size before it starts, and how far it is.

        Raises:
            OutputError: The disk is full, or will be.
            DataError: Too many files are broken.
        """
        with writing_to(self.folder), self._locked():
            features, stamps = self._open(report)
            current = np.array([_stamp(file) for file in self.files], dtype=np.int64)
            self.usable = (stamps == current).all(axis=1)
            todo = np.flatnonzero(~self.usable).tolist()
            if todo:
                size = (
                    f"{len(todo)} of {len(self.files)} rows, {self.num_bytes / 1e6:.1f} MB in all"
                )
                report(f"{self.name}: {size}, in {self.folder}")
            progress = Progress(self.name, len(todo), report)
            for first in range(0, len(todo), batch_size):
                rows = todo[first : first + batch_size]
                good, inputs = self._read_rows(rows, read, broken)
                if good:
                    with torch.inference_mode():
                        encoded = encode(torch.stack(inputs))
                    features[good] = encoded.to(torch.float16).cpu().numpy()
                    features.flush()
                    stamps[good] = current[good]
                    stamps.flush()
                    self.usable[good] = True
                progress.advance(len(rows))
        self._features = np.load(self.folder / "features.npy", mmap_mode="r")

    def _read_rows(
        self, rows: Sequence[int], read: Callable[[int], Tensor], broken: BrokenSamples
    ) -> tuple[list[int], list[Tensor]]:
        good, inputs = [], []
        for row in rows:
            try:
                inputs.append(read(row))
                good.append(row)
            except VideoLlamaError as error:
                broken.add(str(self.files[row]), str(error))
        return good, inputs

    def _open(self, report: Report) -> tuple[np.memmap, np.memmap]:
        feature_file, stamp_file = self.folder / "features.npy", self.folder / "stamps.npy"
        if not stamp_file.exists():
            self._require_space()
            report(f"{self.name}: will take {self.num_bytes / 1e6:.1f} MB on disk")
            with new_file(self.folder / "key.json") as draft:
                draft.write_text(json.dumps(self._key, indent=2, sort_keys=True))
            _new_array(feature_file, np.float16, (len(self.files), *self.shape))
            _new_array(stamp_file, np.int64, (len(self.files), 2))
        return np.load(feature_file, mmap_mode="r+"), np.load(stamp_file, mmap_mode="r+")

    def _require_space(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < self.num_bytes:
            raise OutputError(
                f"{self.folder} has {free / 1e6:.0f} MB left and {self.num_bytes / 1e6:.0f} MB are "
                "needed; free some space or name another folder in data.cache."
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two runs that need the same features wait for one another."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            yield


class Progress:
    """Says now and then how far a long loop is, and how long it will take.

    Args:
        name: What is being done.
        total: How many of it.
        report: Told the lines.
        unit: What is counted.
    """

    def __init__(self, name: str, total: int, report: Report, unit: str = "rows") -> None:
        self._name, self._total, self._report, self._unit = name, total, report, unit
        self._done = 0
        self._start = self._last = time.monotonic()

    def advance(self, count: int) -> None:
        """Note that so many more are done."""
        self._done += count
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_REPORTS and self._done < self._total:
            return
        self._last = now
        left = (now - self._start) / self._done * (self._total - self._done) / 60.0
        self._report(
            f"{self._name}: {self._done} of {self._total} {self._unit}, {left:.1f} min left"
        )


def fingerprint(module: nn.Module) -> str:
    """A digest of all weights of a module."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _new_array(file: Path, dtype: type, shape: tuple[int, ...]) -> None:
    with new_file(file) as draft:
        array = np.lib.format.open_memmap(draft, mode="w+", dtype=dtype, shape=shape)
        array.flush()


def _stamp(file: Path) -> tuple[int, int]:
    """Size and time of change; (-1, -1) for a file that is not there, which no row ever has."""
    try:
        state = file.stat()
    except OSError:
        return -1, -1
    return state.st_size + 1, state.st_mtime_ns


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
