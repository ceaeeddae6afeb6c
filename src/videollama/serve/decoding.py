"""Files of strangers are decoded in processes of their own; one that dies costs one answer."""

import asyncio
import json
from asyncio.subprocess import Process
from dataclasses import asdict, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import torch
from anyio import from_thread

from videollama.errors import MediaError
from videollama.media.clip import Clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.overview import Overview
from videollama.serve.api_errors import ApiError
from videollama.serve.child_process import end_child, start_child
from videollama.serve.limits import Limits
from videollama.serve.overview_messages import unpack_overview

START_SECONDS = 120.0  # importing torch on a busy machine
_STATUSES = {"too_large": 413, "input": 400, "unreadable": 422}


class DecodingError(Exception):
    """A file cannot be used, or broke its process.

    Args:
        status: Of an answer that tells it.
        message: What is wrong with the file, which it may name by its path.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    def as_api_error(self, file: Path, where: str) -> ApiError:
        """The answer to a client, which knows the file as `where`."""
        message = self.message.removeprefix(f"{file} ").replace(str(file), where)
        return ApiError(self.status, f"{where}: {message}", param=where)


class DecodePool:
    """A few decoding processes, each with one file at a time.

    Args:
        limits: Of the server.
        size: Processes.
    """

    def __init__(self, limits: Limits, size: int = 2) -> None:
        self._limits, self._size = limits, size
        self._free: asyncio.Queue[_Worker] = asyncio.Queue()
        self._workers: list[_Worker] = []
        self.num_restarts = 0

    async def start(self) -> None:
        """Starts the processes; they get ready while the model is loaded."""
        for _ in range(self._size):
            worker = _Worker()
            await worker.start()
            self._workers.append(worker)
            self._free.put_nowait(worker)

    async def close(self) -> None:
        """Ends the processes."""
        for worker in self._workers:
            await worker.stop()

    async def read(
        self, file: Path, where: str, sampling: FrameSampling, frame_size: tuple[int, int]
    ) -> Clip:
        """Decodes one file.

        Args:
            file: A local file.
            where: What it is called in errors, and the `path` of the clip.
            sampling: Which moments to look at.
            frame_size: Height and width that frames are scaled to.

        Raises:
            ApiError: 400, 413 or 422; the file cannot be used, or broke its process.
        """
        try:
            clip = await self.decode(file, sampling, frame_size)
        except DecodingError as error:
            raise error.as_api_error(file, where) from error
        return replace(clip, path=Path(where))

    async def decode(
        self,
        file: Path,
        sampling: FrameSampling,
        frame_size: tuple[int, int] | None,
        *,
        want_audio: bool = True,
    ) -> Clip:
        """Decodes one file that needs no other name.

        Args:
            file: A local file.
            sampling: Which moments to look at.
            frame_size: Height and width that frames are scaled to; `None` for a preview.
            want_audio: Whether to decode the sound.

        Raises:
            DecodingError: The file cannot be used, or broke its process.
        """
        wishes = {"sampling": asdict(sampling), "frame_size": frame_size, "want_audio": want_audio}
        facts, pixels, samples = await self._ask(file, wishes)
        return _clip(file, facts, pixels, samples)

    async def look_over(self, file: Path) -> Overview:
        """Finds the cuts of one file, and how loud each moment of it is.

        Args:
            file: A local file, which has to stay there: its parts are read from it later, by
                threads that were started from this event loop.

        Raises:
            DecodingError: The file cannot be used, or broke its process.
        """
        facts, _, loudness = await self._ask(file, {})

        def read_part(
            sampling: FrameSampling, frame_size: tuple[int, int], want_audio: bool
        ) -> Clip:
            work = partial(self.decode, file, sampling, frame_size, want_audio=want_audio)
            try:
                return from_thread.run(work)
            except DecodingError as error:
                raise MediaError(error.message) from error

        return unpack_overview(file, facts, loudness, read_part)

    async def _ask(self, file: Path, wishes: dict[str, Any]) -> tuple[dict[str, Any], bytes, bytes]:
        """One line to a process that is free, and its answer."""
        request = {"path": str(file), "limits": asdict(self._limits), **wishes}
        worker = await self._free.get()
        try:
            facts, pixels, samples = await worker.ask(request, self._limits)
        except TimeoutError as error:
            self.num_restarts += 1
            raise DecodingError(
                422,
                f"the file took more than {self._limits.decode_seconds:g} s to decode; "
                "send a shorter or smaller one.",
            ) from error
        except (OSError, EOFError, ValueError) as error:
            self.num_restarts += 1
            raise DecodingError(422, "the file broke its decoder; check it in a player.") from error
        finally:
            self._free.put_nowait(worker)
        if "error" in facts:
            raise DecodingError(_STATUSES[facts["error"]], str(facts["message"]))
        return facts, pixels, samples


class _Worker:
    """One process, started again when it is needed and gone."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._ready = False

    async def start(self) -> None:
        self._ready = False
        self._process = await start_child("videollama.serve.decode_worker")

    async def stop(self) -> None:
        if self._process is None:
            return
        await end_child(self._process)
        self._process = None

    async def ask(
        self, request: dict[str, Any], limits: Limits
    ) -> tuple[dict[str, Any], bytes, bytes]:
        """One file; the process is gone afterwards unless it answered in full."""
        whole = False
        try:
            if self._process is None or self._process.returncode is not None:
                await self.start()
            assert self._process is not None
            if not self._ready:
                await self._get_ready()
            async with asyncio.timeout(limits.decode_seconds):
                self._process.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]
                await self._process.stdin.drain()  # type: ignore[union-attr]
                facts = await self._line()
                pixels = await self._block(facts.get("frames"), 1, limits)
                samples = await self._block(facts.get("waveform"), 4, limits)
            whole = True
            return facts, pixels, samples
        finally:
            if not whole:
                await asyncio.shield(self.stop())

    async def _get_ready(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._line()
        except (TimeoutError, EOFError) as error:
            raise ApiError(
                503, "No process to decode files could be started.", retry_after_seconds=10
            ) from error
        self._ready = True

    async def _line(self) -> dict[str, Any]:
        line = await self._process.stdout.readline()  # type: ignore[union-attr]
        if not line.endswith(b"\n"):
            raise EOFError("the process ended")
        facts: dict[str, Any] = json.loads(line)
        return facts

    async def _block(self, shape: list[int] | None, item_bytes: int, limits: Limits) -> bytes:
        if shape is None:
            return b""
        size = item_bytes * prod(shape)
        if not 0 <= size <= limits.decode_bytes:
            raise ValueError("the process gave more than it may")
        return await self._process.stdout.readexactly(size)  # type: ignore[union-attr]


def _clip(path: Path, facts: dict[str, Any], pixels: bytes, samples: bytes) -> Clip:
    frames = waveform = None
    if facts["frames"] is not None:
        frames = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(facts["frames"])
    if facts["waveform"] is not None:
        waveform = torch.frombuffer(bytearray(samples), dtype=torch.float32)
        waveform = waveform.view(facts["waveform"])
    return Clip(
        path=path,
        kind=facts["kind"],
        frames=frames,
        frame_times_seconds=tuple(facts["frame_times_seconds"]),
        frames_per_second=facts["frames_per_second"],
        duration_seconds=facts["duration_seconds"],
        waveform=waveform,
        audio_status=facts["audio_status"],
        warnings=tuple(facts["warnings"]),
        start_seconds=facts["start_seconds"],
    )
