from concurrent.futures import Future

import pytest

pytest.importorskip("ray", reason="Ray is not installed")

from ray.exceptions import ActorDiedError, OutOfMemoryError, RayTaskError

from videollama.batch import ray_workers
from videollama.batch.dispatch import WorkerDiedError
from videollama.batch.options import BatchOptions
from videollama.errors import BackendError, CheckpointError, InputError


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:9", "Nothing answers at 127.0.0.1:9 (Connection refused); name a Ray cluster"),
        ("ray://127.0.0.1:9", "Nothing answers at ray://127.0.0.1:9 (Connection refused)"),
        ("http://127.0.0.1", "http://127.0.0.1 is no address of a Ray cluster; write ray://HOST"),
        ("ray://host:many", "ray://host:many is no address of a Ray cluster"),
    ],
)
def test_an_address_without_a_cluster_is_told_at_once(address, told):
    with (
        pytest.raises(InputError) as caught,
        ray_workers.ray_workers(BatchOptions("embed"), address, 1),
    ):
        pass
    assert str(caught.value).startswith(told)


def test_a_port_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(ray_workers, "_SECONDS_TO_CONNECT", 0.1)
    monkeypatch.setattr(ray_workers, "_require_listener", lambda address: None)
    monkeypatch.setattr("ray.init", lambda *_, **__: Future().result(timeout=5))
    with (
        pytest.raises(InputError, match="No Ray cluster answers at host:1; name one that runs"),
        ray_workers.ray_workers(BatchOptions("embed"), "host:1", 1),
    ):
        pass


class Actor:
    """An actor whose every answer is the same."""

    def __init__(self, answer):
        self._answer = answer
        self.load = self.process = self

    def remote(self, *_):
        return self

    def future(self):
        future = Future()
        if isinstance(self._answer, Exception):
            future.set_exception(self._answer)
        else:
            future.set_result(self._answer)
        return future


def asked(answer):
    worker = ray_workers._RayWorker(Actor(answer), BatchOptions("embed"))
    return worker.load().result()


def test_an_answer_is_passed_on():
    assert asked("weights") == "weights"


@pytest.mark.parametrize("death", [ActorDiedError(), OutOfMemoryError("low memory.\nlong report")])
def test_a_worker_that_ray_lost_has_died(death):
    with pytest.raises(WorkerDiedError) as caught:
        asked(death)
    assert "\n" not in str(caught.value)


def test_what_the_worker_raised_is_raised_here():
    cause = CheckpointError("no model")
    with pytest.raises(CheckpointError, match="no model"):
        asked(RayTaskError("load", "a traceback", cause))


def test_a_cluster_that_is_gone_is_told():
    with pytest.raises(BackendError, match="does not answer any more"):
        asked(ConnectionError("client disconnected"))
