"""Files that a visitor names by an address."""

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from videollama.errors import BusyError, InputError
from videollama.web.guard import bytes_in

if TYPE_CHECKING:
    from videollama.web.backend import Backend

_LONGEST_NAME = 120
_UNNAMED = "file"


def fetched(
    backend: "Backend", address: str, folder: Path, former: "TemporaryDirectory[str] | None"
) -> tuple[Path, "TemporaryDirectory[str]"]:
    """Fetches what an address holds.

    Args:
        backend: Fetches it.
        address: http or https.
        folder: Where files of visitors lie.
        former: The folder of the visitor's last link, which is removed.

    Returns:
        The file, and its folder, with which it goes.

    Raises:
        InputError: The address is refused, or gives nothing.
        BusyError: There is no room.
    """
    if backend.fetch is None:
        raise InputError("Links are not opened here; upload the file.")
    if former is not None:
        former.cleanup()
    folder.mkdir(parents=True, exist_ok=True)
    limits = backend.limits
    if bytes_in(folder) + limits.upload_bytes > limits.stored_bytes:
        raise BusyError("There is no room for more files; try again later.")
    place = TemporaryDirectory(prefix="link-", dir=folder)
    file = Path(place.name) / _name_in(address)
    backend.fetch(address, file)
    return file, place


def _name_in(address: str) -> str:
    """What the end of an address calls its file."""
    try:
        name = PurePosixPath(unquote(urlsplit(address).path)).name
    except ValueError:
        return _UNNAMED
    kept = "".join(letter for letter in name if letter.isalnum() or letter in " ._-()")
    return kept.strip(" .")[-_LONGEST_NAME:] or _UNNAMED
