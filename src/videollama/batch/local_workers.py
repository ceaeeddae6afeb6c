"""Workers as processes of this machine."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

from videollama.batch.block_worker import BlockWorker
from videollama.batch.dispatch import Worker, WorkerDiedError
from videollama.batch.options import BatchOptions
from videollama.batch.rows import Row
from videollama.errors import VideoLlamaError

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess


@contextmanager
def local_workers(options: BatchOptions, count: int) -> Iterator[list[Worker]]:
    """Workers that end with the block, or with this process, however it ends.

    Args:
        options: What they do.
        count: How many; they share the processor's threads, and take the GPUs in turn.
    """
    with TemporaryDirectory(prefix="videollama-batch-") as scratch:
        workers = [_LocalWorker(options, number, count, scratch) for number in range(count)]
        try:
            yield list(workers)
        finally:
            for worker in workers:
                worker.stop()


class _LocalWorker:
    """A process that is started by `load`."""

    def __init__(self, options: BatchOptions, number: int, count: int, scratch: str) -> None:
        self._arguments = (options, number, count, scratch)
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def load(self) -> Future[str]:
        return _in_thread(self._load)

    def process(self, paths: Sequence[str]) -> Future[list[Row]]:
        return _in_thread(lambda: self._ask(list(paths)))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def _load(self) -> str:
        spawning = get_context("spawn")  # torch and Ray hold threads, which a fork would break
        self._connection, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        return self._ask(None)

    def _ask(self, request: list[str] | None) -> Any:
        assert self._connection is not None
        assert self._process is not None
        try:
            self._connection.send(request)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise WorkerDiedError(_cause_of_death(self._process.exitcode)) from error
        if isinstance(answer, VideoLlamaError):
            raise answer
        return answer


def _in_thread(work: Callable[[], Any]) -> Future[Any]:
    """In a daemon thread, so that Ctrl-C does not wait for the end of a block."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=run, daemon=True).start()
    return future


def _cause_of_death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _work(
    requests: Connection, options: BatchOptions, number: int, count: int, scratch: str
) -> None:
    """Answers until the other end closes; the main function of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    Thread(target=_end_with_parent, daemon=True).start()
    tempfile.tempdir = scratch  # which is removed even if this process is killed
    _share_processor(count)
    worker = BlockWorker(_on_own_device(options, number))
    while True:
        paths = requests.recv()
        try:
            answer: Any = worker.load() if paths is None else worker.process(paths)
        except VideoLlamaError as error:
            answer = error
        requests.send(answer)


def _end_with_parent() -> None:
    """A parent that is killed says no goodbye; without it, nobody would take the results."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _share_processor(count: int) -> None:
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // count))


def _on_own_device(options: BatchOptions, number: int) -> BatchOptions:
    import torch

    if options.device != "auto" or torch.cuda.device_count() < 2:
        return options
    return replace(options, device=f"cuda:{number % torch.cuda.device_count()}")
