"""Runs the command in this process and gives what a person would see."""

from dataclasses import dataclass

import pytest

from videollama.cli.main import run


@dataclass(frozen=True)
class Shown:
    """The exit code and what stood on standard output and standard error."""

    code: int
    out: str
    err: str


def videollama(capsys: pytest.CaptureFixture[str], *words: object) -> Shown:
    """`videollama WORDS…`"""
    with pytest.raises(SystemExit) as exit_info:
        run([str(word) for word in words])
    captured = capsys.readouterr()
    return Shown(int(exit_info.value.code or 0), captured.out, captured.err)
