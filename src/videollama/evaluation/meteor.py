"""METEOR 1.5 by its authors' own program, where it and Java are installed.

M. Denkowski and A. Lavie, "Meteor Universal", WMT 2014. The program comes with pycocoevalcap, which
coco-caption's figures are made with; it is spoken to in the same way, but a Java that fails or
hangs costs this one figure only.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Timer
from typing import IO

_JAR = "meteor-1.5.jar"
_START_SECONDS = 120.0  # it reads a table of 60 MB of paraphrases first
_CAPTION_SECONDS = 0.2
_EXTRA = "`pip install 'videollama[meteor]'`"


@dataclass(frozen=True)
class Meteor:
    """The figure, or why there is none.

    Attributes:
        score: Over all captions, from 0 to 1; None where it could not be computed.
        reason: What is missing or went wrong then, a sentence for people.
    """

    score: float | None
    reason: str = ""


def meteor(
    candidates: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
    *,
    limit_seconds: float | None = None,
) -> Meteor:
    """METEOR of all captions together.

    Args:
        candidates: Tokens of one caption per picture.
        references: Tokens of the human captions per picture.
        limit_seconds: How long Java may take; None: two minutes, and more for many captions.
    """
    java, folder = shutil.which("java"), _program_folder()
    if java is None or folder is None:
        lacking = [*(["Java"] if java is None else []), *([_EXTRA] if folder is None else [])]
        return Meteor(None, f"METEOR is left out: it needs {' and '.join(lacking)}.")
    if limit_seconds is None:
        limit_seconds = _START_SECONDS + _CAPTION_SECONDS * len(candidates)
    command = [java, "-Xmx2G", "-jar", _JAR, "-", "-", "-stdio", "-l", "en", "-norm"]
    late = Event()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as told:
        try:
            with _started(command, folder, told, limit_seconds, late) as process:
                return Meteor(_converse(process, candidates, references))
        except (OSError, ValueError):  # it has ended, or says what is no number
            if late.is_set():
                reason = f"METEOR is left out: Java gave no answer within {limit_seconds:g} s."
                return Meteor(None, reason)
            told.seek(0)
            first = next((line.strip() for line in told if line.strip()), "it said nothing")
            return Meteor(None, f"METEOR is left out: Java failed: {first.rstrip('.')}.")


def _program_folder() -> Path | None:
    """Where the program and its data lie."""
    package = find_spec("pycocoevalcap")
    for place in (package and package.submodule_search_locations) or ():
        if (Path(place) / "meteor" / _JAR).is_file():
            return Path(place) / "meteor"
    return None


@contextmanager
def _started(
    command: list[str], folder: Path, told: IO[str], limit_seconds: float, late: Event
) -> "Iterator[subprocess.Popen[str]]":
    """A process that is ended with the block, or when its time is over; `late` is set then."""
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=told,
        text=True,
        encoding="utf-8",
        start_new_session=True,  # so that a script that starts Java ends with it
    ) as process:
        watchdog = Timer(limit_seconds, _end, (process, late))
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            _kill(process)


def _converse(
    process: "subprocess.Popen[str]",
    candidates: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
) -> float:
    """Have every caption counted, then all counts weighed: their scores come, and the whole's."""
    if process.stdin is None or process.stdout is None:
        raise ValueError
    counts = []
    for candidate, group in zip(candidates, references, strict=True):
        said = " ||| ".join(" ".join(words) for words in (*group, candidate))
        counts.append(_ask(process.stdin, process.stdout, f"SCORE ||| {said}"))
    _ask(process.stdin, process.stdout, f"EVAL ||| {' ||| '.join(counts)}")
    for _ in counts[1:]:
        process.stdout.readline()
    return float(process.stdout.readline())


def _ask(questions: IO[str], answers: IO[str], line: str) -> str:
    questions.write(f"{line}\n")
    questions.flush()
    return answers.readline().strip()


def _end(process: "subprocess.Popen[str]", late: Event) -> None:
    late.set()
    _kill(process)


def _kill(process: "subprocess.Popen[str]") -> None:
    """End a process and all that it has started."""
    if process.poll() is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
