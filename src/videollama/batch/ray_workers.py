"""Workers as actors of a Ray cluster, whose machines have videollama and see the same files."""

import logging
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from videollama.batch.block_worker import BlockWorker
from videollama.batch.dispatch import Worker, WorkerDiedError
from videollama.batch.options import BatchOptions
from videollama.batch.rows import Row
from videollama.errors import BackendError, InputError

_PORTS = {"ray": 10001, "": 6379}
_SECONDS_TO_ANSWER = 5.0
_SECONDS_TO_CONNECT = 45.0


@contextmanager
def ray_workers(options: BatchOptions, address: str, count: int | None) -> Iterator[list[Worker]]:
    """Workers that end with the block, or with this process.

    Args:
        options: What they do.
        address: "ray://host:10001", "host:6379" or "auto".
        count: How many; if absent, one for each GPU of the cluster, or each CPU where it has none.
            Those that find no room wait for it, and the others work.

    Raises:
        InputError: There is no cluster at the address.
    """
    _connect(address)
    try:
        resources = ray.cluster_resources()
        num_gpus = int(resources.get("GPU", 0))
        actor = ray.remote(num_cpus=1, num_gpus=min(1, num_gpus), max_restarts=0)(BlockWorker)
        chosen = count or num_gpus or int(resources.get("CPU", 1))
        yield [_RayWorker(actor, options) for _ in range(chosen)]
    finally:
        ray.shutdown()


class _RayWorker:
    """An actor that is started by `load`."""

    def __init__(self, actor: Any, options: BatchOptions) -> None:
        self._actor_class, self._options = actor, options
        self._actor: Any = None

    def load(self) -> Future[str]:
        self._actor = self._actor_class.remote(self._options)
        return _translated(self._actor.load.remote().future())

    def process(self, paths: Sequence[str]) -> Future[list[Row]]:
        return _translated(self._actor.process.remote(list(paths)).future())


def _translated(answer: Future[Any]) -> Future[Any]:
    """The same with our errors instead of Ray's."""
    translated: Future[Any] = Future()

    def pass_on(done: Future[Any]) -> None:
        error = done.exception()
        if error is None:
            translated.set_result(done.result())
        elif isinstance(error, RayTaskError):  # what the worker itself raised
            translated.set_exception(error.cause or error)
        elif isinstance(error, RayError):  # crashed, killed for lack of memory, machine gone
            translated.set_exception(WorkerDiedError(str(error).splitlines()[0].rstrip(".")))
        elif isinstance(error, ConnectionError):
            sentence = "The Ray cluster does not answer any more; the same command goes on later."
            translated.set_exception(BackendError(sentence))
        else:
            translated.set_exception(error)

    answer.add_done_callback(pass_on)
    return translated


def _connect(address: str) -> None:
    """Connects within bounds; Ray itself would wait for minutes for a port that says nothing."""
    if address != "auto":
        _require_listener(address)
    failures: list[Exception] = []

    def connect() -> None:
        try:
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
        except Exception as error:
            failures.append(error)

    waiting = Thread(target=connect, daemon=True)
    waiting.start()
    waiting.join(_SECONDS_TO_CONNECT)
    if waiting.is_alive() or failures:
        reason = f" ({str(failures[0]).splitlines()[0].rstrip('.')})" if failures else ""
        raise InputError(
            f"No Ray cluster answers at {address}{reason}; name one that runs, or leave "
            "--address to work on this machine."
        )


def _require_listener(address: str) -> None:
    scheme, _, rest = address.rpartition("://")
    host, _, port = rest.partition(":")
    try:
        number = int(port) if port else _PORTS[scheme]
        socket.create_connection((host, number), timeout=_SECONDS_TO_ANSWER).close()
    except (KeyError, ValueError):
        raise InputError(
            f"{address} is no address of a Ray cluster; write ray://HOST:10001 or HOST:6379."
        ) from None
    except OSError as error:
        raise InputError(
            f"Nothing answers at {address} ({error.strerror or error}); name a Ray cluster that "
            "runs, or leave --address to work on this machine."
        ) from error
