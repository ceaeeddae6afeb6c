"""Cuts of videos of strangers, each made by a process of its own that ends with it."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from videollama.applications.highlights import Highlights
from videollama.errors import MediaError
from videollama.serve.child_process import end_child, start_child
from videollama.serve.limits import Limits


async def cut_elsewhere(file: Path, highlights: Highlights, target: Path, limits: Limits) -> None:
    """Writes the cut, and beside it the JSON file and the edit list.

    Args:
        file: The video.
        highlights: What is taken, under the name that people know.
        target: Ends in .mp4 or .mkv.
        limits: Of the server.

    Raises:
        MediaError: The video cannot be cut, or broke the process.
    """
    request = {
        "path": str(file),
        "target": str(target),
        "highlights": highlights.to_dict(),
        "limits": asdict(limits),
    }
    process = await start_child("videollama.serve.cut_worker")
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
        answer = json.loads(await process.stdout.readline())
    except (OSError, ValueError) as error:
        raise MediaError(f"{highlights.path} broke what cuts it; check it in a player.") from error
    finally:
        await asyncio.shield(end_child(process))
    if "error" in answer:
        message = answer["error"].replace(str(file), highlights.path)
        raise MediaError(message.replace(str(target), "the cut"))
