"""Encoded media on disk, so that the same clip is not encoded twice.

    CACHE/media/3f/3f2a….tokens     sha256 of the rest (32 bytes), then a safetensors file

Several processes may use a folder at the same time: an entry appears whole or not at all, and its
digest tells whether it is still what was written. The entries that were not used for the longest
time go when there are too many.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from os import stat_result, utime
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

from videollama.checkpoints.atomic_output import new_file, writing_to
from videollama.checkpoints.cache import media_cache_folder
from videollama.errors import OutputError

MAX_BYTES = 2_000_000_000
_SUFFIX = ".tokens"
_DIGEST_BYTES = 32
_LEFT_AFTER_CLEARING = 0.9  # of the limit, so that not every new entry has to look for an old one
_SECONDS_OF_A_WRITER = 3600.0  # an unfinished file that is older has lost its writer

_log = logging.getLogger(__name__)


@dataclass
class MediaStoreCounts:
    """What happened to the entries that were asked for.

    Attributes:
        found: They were there.
        missing: They were not.
        damaged: They were there, but not as they had been written.
    """

    found: int = 0
    missing: int = 0
    damaged: int = 0


class MediaStore:
    """A folder of tensors by key.

    Args:
        folder: Where; the folder for it in the cache if absent.
        max_bytes: What all entries together may take.

    Attributes:
        folder: Where.
        counts: What happened to the entries that were asked for.
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = media_cache_folder() if folder is None else folder
        self.counts = MediaStoreCounts()
        self._max_bytes = max_bytes
        self._unchecked_bytes = max_bytes  # the first entry of a process looks at all others
        self._writable = True

    @property
    def num_bytes(self) -> int:
        """Size of all entries."""
        return sum(state.st_size for _, state in self._files())

    def get(self, key: str) -> Tensor | None:
        """The tensor of a key, on the CPU; `None` where there is none, or a damaged one."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            self.counts.missing += 1
            return None
        except OSError:
            self.counts.damaged += 1
            return None
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if sha256(body).digest() != digest:
            self.counts.damaged += 1
            return None
        with suppress(OSError):  # a folder that may only be read is still of use
            utime(path)
        self.counts.found += 1
        return load(body)["tokens"]

    def put(self, key: str, tokens: Tensor) -> None:
        """Keeps a tensor; what was there before is replaced.

        Where nothing can be written, that is logged once, and nothing is kept from then on.
        """
        if not self._writable:
            return
        body = save({"tokens": tokens.cpu().contiguous()})
        try:
            with new_file(self._path(key)) as draft:
                draft.write_bytes(sha256(body).digest() + body)
            self._unchecked_bytes += _DIGEST_BYTES + len(body)
            if self._unchecked_bytes > self._max_bytes // 64:
                self._drop_oldest()
        except OutputError as error:
            self._writable = False
            _log.warning("Encoded media are not kept: %s", error)

    def clear(self) -> None:
        """Removes all entries.

        Raises:
            OutputError: They may not be removed.
        """
        with writing_to(self.folder):
            for path, _ in self._files():
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def _files(self) -> Iterator[tuple[Path, stat_result]]:
        """All files, unfinished ones too; others may come and go meanwhile."""
        for path in self.folder.glob("*/*"):
            with suppress(FileNotFoundError):
                yield path, path.stat()

    def _drop_oldest(self) -> None:
        files = sorted(self._files(), key=lambda file: file[1].st_mtime)
        now, total = time.time(), sum(state.st_size for _, state in files)
        excess = 0.0
        if total > self._max_bytes:
            excess = total - _LEFT_AFTER_CLEARING * self._max_bytes
        with writing_to(self.folder):
            for path, state in files:
                finished = path.suffix == _SUFFIX
                if (excess > 0) if finished else (now - state.st_mtime > _SECONDS_OF_A_WRITER):
                    path.unlink(missing_ok=True)
                    excess -= state.st_size
        self._unchecked_bytes = 0
