"""The frozen encoders' files that the authors' repositories leave out, or hold beside the rest."""

import os
from pathlib import Path

from videollama.checkpoints.atomic_output import new_file
from videollama.checkpoints.cache import cache_folder
from videollama.checkpoints.released_files import FROZEN_FILES
from videollama.checkpoints.wheels import Progress
from videollama.errors import CheckpointError, DownloadError

_BLOCK_BYTES = 1 << 20


def locate_frozen_file(folder: Path, name: str) -> Path | None:
    """Where a frozen encoder's file is: the model's folder, our cache, torch.hub's; or None."""
    torch_home = os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch"
    places = (folder, cache_folder() / "released", Path(torch_home) / "hub" / "checkpoints")
    return next((place / name for place in places if (place / name).is_file()), None)


def find_frozen_file(folder: Path, name: str) -> Path:
    """Like `locate_frozen_file`, but absent is an error.

    Raises:
        CheckpointError: the file is nowhere; the message tells where to get it.
    """
    path = locate_frozen_file(folder, name)
    if path is None:
        raise CheckpointError(
            f"{folder} lacks {name}, which the authors' model needs as well; run `videollama pull "
            f"{folder}`, or fetch {FROZEN_FILES[name]} and put it there."
        )
    return path


def fetch_frozen_files(folder: Path, progress: Progress) -> list[Path]:
    """Download the frozen encoders' files that are nowhere on this machine, into our cache.

    Args:
        folder: the model's folder.
        progress: told the bytes fetched so far.

    Returns:
        The places of all of them.

    Raises:
        DownloadError: no network.
        OutputError: the cache is read-only or full.
    """
    return [
        locate_frozen_file(folder, name)
        or _download(url, cache_folder() / "released" / name, progress)
        for name, url in FROZEN_FILES.items()
    ]


def _download(url: str, target: Path, progress: Progress) -> Path:
    from urllib.error import URLError
    from urllib.request import urlopen

    with new_file(target) as draft:
        try:
            with urlopen(url, timeout=30) as response, draft.open("wb") as stream:
                total = int(response.headers.get("Content-Length") or 0)
                done = 0
                while block := response.read(_BLOCK_BYTES):
                    stream.write(block)
                    done += len(block)
                    progress(target.name, done, total or done)
        except (URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise DownloadError(
                f"{url} could not be fetched ({reason}); check the network, or put "
                f"{target.name} into {target.parent}."
            ) from error
        if total and done != total:
            raise DownloadError(
                f"{url} broke off after {done} of {total} bytes; run the same command again."
            )
    return target
