"""Batches without processes of their own, so that tests can put a model into them."""

from concurrent.futures import Future
from contextlib import contextmanager

from videollama.batch.block_worker import BlockWorker


class WorkerInThisProcess:
    """A worker without a process of its own, so that tests can put a model into it."""

    def __init__(self, options):
        self._worker = BlockWorker(options)

    def load(self):
        return _done(self._worker.load)

    def process(self, paths):
        return _done(lambda: self._worker.process(paths))


def _done(work):
    future = Future()
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
    return future


def use_this_process(monkeypatch, assistant):
    """Lets batches run here with an assistant; gives the keywords of every load."""
    from videollama.inference.engine import VideoLlama

    loads = []

    def load(ref=None, **keywords):
        loads.append({"ref": ref, **keywords})
        return assistant

    @contextmanager
    def workers(options, count):
        yield [WorkerInThisProcess(options) for _ in range(count)]

    monkeypatch.setattr(VideoLlama, "load", load)
    monkeypatch.setattr("videollama.batch.run.local_workers", workers)
    return loads
