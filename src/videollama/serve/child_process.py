"""Processes that open files of strangers: they know no key and do not hear Ctrl-C."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

_LINE_BYTES = 2**20
_KEPT_VARIABLES = (
    "PATH",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "SYSTEMROOT",
    "TMPDIR",
)


async def start_child(module: str) -> Process:
    """Starts a module as a process that reads and writes lines.

    Args:
        module: As after `python -m`.
    """
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,  # FFmpeg's complaints hold names and tags of the files
        limit=_LINE_BYTES,
        env={**kept, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        start_new_session=True,  # Ctrl-C is for the server, which lets answers end first
    )


async def end_child(process: Process) -> None:
    """Kills it, if it still runs, and waits for its end."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
