"""The files that words of a command line name."""

from pathlib import Path

from videollama.errors import InputError
from videollama.media.suffixes import media_files


def files_in(paths: list[Path]) -> list[Path]:
    """Every file named, and every media file inside the folders named, each once.

    Raises:
        InputError: A folder holds none.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        if not (inside := media_files(path)):
            raise InputError(f"There is no video, picture or sound file in the folder {path}.")
        files |= dict.fromkeys(inside)
    return list(files)
