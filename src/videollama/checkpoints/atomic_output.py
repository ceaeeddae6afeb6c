"""Results that appear whole or not at all: written beside their place, then renamed into it."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from videollama.errors import OutputError

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your disk quota is used up; free some space",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EEXIST: "a file of that name is in the way",
    errno.EFBIG: "the file system takes no file of that size",
}
_TORCH_WRITER = ("inline_container", "iostream error", "PytorchStreamWriter")


@contextmanager
def new_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without an error.

    Args:
        target: where the folder shall be; parents are made.
        replace: take the place of an existing folder instead of refusing.

    Raises:
        OutputError: the place is taken, read-only or full.
    """
    if target.exists() and not replace:
        raise OutputError(f"{target} exists already; choose another place or remove it first.")
    with writing_to(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with writing_to(target):
            yield draft
            _readable_by_all(draft)
            if target.exists():
                former = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
                target.rename(former / target.name)
                draft.rename(target)
                shutil.rmtree(former)
            else:
                draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` that is renamed to it when the block ends without an error.

    Raises:
        OutputError: the place is read-only or full.
    """
    with writing_to(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(descriptor)
    draft = Path(name)
    try:
        with writing_to(target):
            yield draft
            draft.chmod(0o644)
            draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def require_new_file(target: Path) -> None:
    """Make sure that `new_file` can write, before the work that it is for; leaves nothing behind.

    Raises:
        OutputError: the place is a folder, read-only or full.
    """
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file in it.")
    with writing_to(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target.parent).close()


def append_line(target: Path, line: str) -> None:
    """Append a line to a file, whole or not at all, and at once; folder and file are made.

    Args:
        target: the file.
        line: without its end.

    Raises:
        OutputError: the place is read-only or full.
    """
    rest = memoryview(f"{line}\n".encode(errors="backslashreplace"))
    with writing_to(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab", buffering=0) as stream:
            length = stream.seek(0, os.SEEK_END)
            try:
                while rest:  # a disk that fills up takes a part
                    rest = rest[stream.write(rest) :]
            except BaseException:  # Ctrl-C too
                if target.is_file():
                    stream.truncate(length)
                raise


@contextmanager
def writing_to(target: Path, *, remedy: str = "choose another place") -> Iterator[None]:
    """Turn the operating system's refusals to write into one sentence.

    Args:
        target: named in the sentence.
        remedy: what to do where the place is the reason.

    Raises:
        OutputError: the place is read-only or full, or takes no file so large.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT and _holds(error.filename, target):
            raise OutputError(f"{target} cannot be made here; {remedy}.") from error
        if error.errno not in _REASONS:
            raise
        raise _refusal(target, error.errno, remedy) from error
    except RuntimeError as error:  # torch's writer does not report which error it met
        if not any(word in str(error) for word in _TORCH_WRITER):
            raise
        raise OutputError(
            f"{target} could not be written whole; the disk is probably full: free some space."
        ) from error
    except Exception as error:  # safetensors and tokenizers write in Rust: "… (os error 28)"
        number = next((n for n in _REASONS if f"(os error {n})" in str(error)), None)
        if number is None:
            raise
        raise _refusal(target, number, remedy) from error


def _holds(path: object, target: Path) -> bool:
    """Whether a path that could not be made is `target`, a folder of it or a draft beside it."""
    place = Path(str(path))
    return target.is_relative_to(place) or target.parent == place.parent


def _refusal(target: Path, number: int, remedy: str) -> OutputError:
    reason = _REASONS[number]
    if "free" not in reason:
        reason = f"{reason}; {remedy}"
    return OutputError(f"{target} could not be written: {reason}.")


def _readable_by_all(folder: Path) -> None:
    """Temporary folders and safetensors files are private at first; a shared cache is not."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
