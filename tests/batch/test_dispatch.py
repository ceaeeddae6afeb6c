from collections import deque
from concurrent.futures import Future

import pytest

from videollama.batch.dispatch import Block, WorkerDiedError, rows_of_blocks
from videollama.errors import BackendError, CheckpointError


class Mortal:
    """A worker that dies of some files, always or once, and notes what it was asked."""

    def __init__(self, deadly=(), deaths=None, load=None):
        self.deadly, self.deaths = set(deadly), deaths
        self.asked, self.loads = [], deque(load or [])

    def load(self):
        self.asked.append("load")
        return finished(self.loads.popleft() if self.loads else "weights")

    def process(self, paths):
        self.asked.append(list(paths))
        if self.deadly & set(paths) and self.deaths != 0:
            self.deaths = None if self.deaths is None else self.deaths - 1
            return finished(WorkerDiedError("killed by SIGKILL"))
        return finished([{"path": path} for path in paths])


def finished(answer):
    future = Future()
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
    return future


def blocks(*texts):
    return [Block(number, list(text)) for number, text in enumerate(texts)]


def rows_by_block(workers, wanted, on_model=lambda fingerprint: None):
    return {block.number: rows for block, rows in rows_of_blocks(workers, wanted, on_model)}


def test_every_block_is_done_once_in_the_order_of_its_files():
    workers = [Mortal(), Mortal()]
    done = rows_by_block(workers, blocks("ab", "cd", "e"))
    assert {n: "".join(row["path"] for row in rows) for n, rows in done.items()} == {
        0: "ab",
        1: "cd",
        2: "e",
    }
    assert [worker.asked.count("load") for worker in workers] == [1, 1]


def test_a_file_that_kills_its_worker_twice_is_a_row_and_the_others_are_done():
    worker = Mortal(deadly="b")
    done = rows_by_block([worker], blocks("abc", "d"))
    assert [row["path"] for row in done[0]] == ["a", "b", "c"]
    assert [row.get("error") for row in done[0]] == [
        None,
        "b ended the process that read it, twice (killed by SIGKILL).",
        None,
    ]
    assert done[1] == [{"path": "d"}]
    assert worker.asked == [
        *("load", ["a", "b", "c"]),
        *("load", ["a"], ["b"], "load", ["b"], "load", ["c"], ["d"]),
    ]


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_is_killed_from_outside_costs_no_row(deaths):
    done = rows_by_block([Mortal(deadly="b", deaths=deaths)], blocks("abc"))
    assert done == {0: [{"path": "a"}, {"path": "b"}, {"path": "c"}]}


def test_workers_that_die_while_they_load_end_the_run():
    dying = Mortal(load=[WorkerDiedError("killed by SIGKILL")] * 3)
    with pytest.raises(BackendError, match="while it loaded the model"):
        rows_by_block([dying], blocks("a"))
    assert dying.asked == ["load"] * 3


def test_a_model_that_cannot_be_loaded_ends_the_run_with_its_own_words():
    with pytest.raises(CheckpointError, match="no model"):
        rows_by_block([Mortal(load=[CheckpointError("no model")])], blocks("a"))


def test_a_worker_that_never_starts_is_not_waited_for():
    never = Mortal()
    never.load = Future
    assert rows_by_block([never, Mortal()], blocks("ab", "c")) == {
        0: [{"path": "a"}, {"path": "b"}],
        1: [{"path": "c"}],
    }


def test_a_model_is_shown_before_it_is_used():
    shown = []
    worker = Mortal(load=["first"])
    rows_by_block([worker], blocks("a"), lambda name: shown.append((name, list(worker.asked))))
    assert shown == [("first", ["load"])]
