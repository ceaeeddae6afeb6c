"""The list of files that stands beside a data set, and which part of the set is meant."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from videollama.errors import DataError


def read_manifest(manifest: Path) -> str:
    """The text of a list of files.

    Raises:
        DataError: If it is missing or cannot be read.
    """
    try:
        return manifest.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(
            f"{manifest} does not exist; name the folder that holds {manifest.name}."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{manifest} cannot be read: {error}.") from error


def choose_part(
    kind: str,
    wanted: str | None,
    available: Counter[str],
    usual: str,
    training: Collection[str],
    manifest: Path,
) -> str:
    """Decide which part of a data set is meant.

    Args:
        kind: What parts are called: "split" or "fold"; also the option that chooses one.
        wanted: What the user asked for, or None.
        available: Files in each part.
        usual: Taken when nothing was asked for and it is there.
        training: Parts that are never taken unless asked for.
        manifest: The list, for the messages.

    Raises:
        DataError: If the part is not there, or it is not clear which is meant.
    """
    found = ", ".join(f"{name} ({count})" for name, count in sorted(available.items())) or "none"
    if wanted is not None:
        if wanted not in available:
            raise DataError(f"{manifest} has no {kind} {wanted!r}; it has: {found}.")
        return wanted
    if usual in available:
        return usual
    unseen = [name for name in available if name not in training]
    if len(unseen) != 1:
        raise DataError(f"{manifest} has these {kind}s: {found}; choose one with --{kind}.")
    return unseen[0]
