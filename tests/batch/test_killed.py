"""Real processes, killed with SIGKILL, on this machine and on a Ray cluster."""

import json
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.synthetic import write_picture

pytestmark = pytest.mark.end_to_end
COMMAND = Path(sys.executable).with_name("videollama")
FILES = 12


@pytest.fixture(scope="module")
def command(assistant, tmp_path_factory):
    """`videollama batch` over twelve pictures with a model on disk, and its output."""
    place = tmp_path_factory.mktemp("batch")
    assistant.model.save_pretrained(place / "model")
    assistant.processor.save_pretrained(place / "model")
    (place / "media").mkdir()
    for number in range(FILES):
        write_picture(place / "media" / f"{number}.png", size=(32, 32 + 2 * number))

    def words(output, *more):
        words = [COMMAND, "batch", place / "media", place / output, "--task", "embed"]
        return [*words, "--model", place / "model", *more]

    return words


@pytest.fixture(scope="module")
def cluster():
    """The address of a Ray cluster of this machine's."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    import ray

    # Others fill the memory of a machine that runs tests; Ray would kill its workers for that.
    context = ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=2**27,
        logging_level="ERROR",
        _system_config={"memory_monitor_refresh_ms": 0},
    )
    yield context.address_info["gcs_address"]
    ray.shutdown()


def stop_at(words, line_begins, number):
    """Runs a command until it prints a line, then sends it a signal; gives its exit code."""
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
    ) as running:
        for line in running.stderr:
            if line.startswith(line_begins):
                running.send_signal(number)
    return running.returncode


def heed_ctrl_c():
    """A shell lets what it runs in the background ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(words):
    """Runs a command to its end; gives its report."""
    shown = subprocess.run([*words, "--json"], check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)


def paths_in(output):
    return pq.read_table(str(output)).column("path").to_pylist()


def test_a_killed_run_loses_and_doubles_no_row(command):
    words = command("killed", "--block-size", 1, "--workers", 2)
    words = [str(word) for word in words]
    assert stop_at(words, "3 of 12", signal.SIGKILL) == -signal.SIGKILL
    done = len(paths_in(words[3]))
    assert 3 <= done < FILES
    report = finish(words)
    assert report["files_before"] >= done
    assert len(set(paths_in(words[3]))) == len(paths_in(words[3])) == FILES


def test_ctrl_c_leaves_whole_blocks(command):
    words = [str(word) for word in command("stopped", "--block-size", 2)]
    assert stop_at(words, "2 of 12", signal.SIGINT) == 130
    names = {path.name for path in Path(words[3]).iterdir()}
    assert {name for name in names if not name.startswith("part-")} == {"_run.json"}
    assert len(paths_in(words[3])) % 2 == 0


def test_a_worker_that_is_killed_is_replaced(command):
    words = [str(word) for word in command("worker", "--block-size", 3)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        for line in running.stderr:
            if line.startswith("3 of 12"):
                kill_child(running.pid)
                break
        running.stderr.read()
    assert running.returncode == 0
    table = pq.read_table(words[3])
    assert len(set(table.column("path").to_pylist())) == table.num_rows == FILES
    assert table.column("error").null_count == FILES


def kill_child(process_id):
    """Kills the worker: the child whose memory is the largest."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    sizes = {Path(f"/proc/{child}/statm").read_text().split()[1]: child for child in children}
    signal_number = signal.SIGKILL
    subprocess.run(["kill", f"-{signal_number.value}", sizes[max(sizes, key=int)]], check=True)


def test_a_killed_run_goes_on_on_a_cluster_and_here(command, cluster):
    words = [str(word) for word in command("ray", "--block-size", 1)]
    there = [*words, "--address", cluster, "--workers", "1"]
    assert stop_at(there, "3 of 12", signal.SIGKILL) == -signal.SIGKILL
    assert 3 <= len(paths_in(words[3])) < FILES
    assert stop_at(there, "6 of 12", signal.SIGKILL) == -signal.SIGKILL
    assert finish(words)["files_before"] >= 6
    assert len(set(paths_in(words[3]))) == len(paths_in(words[3])) == FILES


def test_an_address_where_nothing_answers_is_told_soon(command):
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    started = time.monotonic()
    words = [str(word) for word in command("nobody", "--address", "127.0.0.1:9")]
    shown = subprocess.run(words, capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert shown.stderr.startswith("Nothing answers at 127.0.0.1:9 (Connection refused); name a")
    assert time.monotonic() - started < 60
    assert not Path(words[3]).exists()
