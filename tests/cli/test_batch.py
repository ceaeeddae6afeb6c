import json

import pyarrow.parquet as pq
import pytest

from tests.batch.in_this_process import use_this_process
from tests.cli.command import videollama
from tests.synthetic import write_picture
from videollama.batch import BatchReport


@pytest.fixture
def ran(monkeypatch):
    """Stands in for the batch itself; gives what it was called with."""
    calls = []

    def run(*words, **keywords):
        calls.append((words, keywords))
        return BatchReport("out", 3, 1, 2, 0, 1.5)

    monkeypatch.setattr("videollama.batch.run_batch", run)
    return calls


def test_options_reach_the_batch(capsys, ran):
    shown = videollama(
        capsys, "batch", "in", "out", "--task", "caption", "--frames", 4, "--workers", 2,
        "--address", "auto", "--max-failures", 0, "--question", "Who?", "--beams", 1,
    )  # fmt: skip
    [((source, output, options), keywords)] = ran
    assert (shown.code, source, output) == (0, "in", "out")
    assert options.identity() == {
        "task": "caption",
        "model": None,
        "dtype": "auto",
        "question": "Who?",
        "num_beams": 1,
        "num_frames": 4,
    }
    del keywords["on_progress"]
    expected = {"workers": 2, "address": "auto", "block_size": None, "max_failures": 0}
    assert keywords == expected
    assert (
        shown.out == "2 done, 1 could not be used (see the column error); 2 Parquet files in out.\n"
    )


def test_the_report_as_json(capsys, ran):
    shown = videollama(capsys, "batch", "in", "out", "--task", "embed", "--json")
    assert json.loads(shown.out)["failed"] == 1


@pytest.fixture
def worked_here(monkeypatch, assistant):
    """Lets the command's workers be this process, with the tiny assistant."""
    use_this_process(monkeypatch, assistant)


def test_a_log_tells_how_far_it_is_and_which_files_failed(capsys, worked_here, tmp_path):
    (tmp_path / "in").mkdir()
    write_picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_text("text")
    words = ("batch", tmp_path / "in", tmp_path / "out", "--task", "embed", "--block-size", 1)
    shown = videollama(capsys, *words)
    assert shown.code == 0
    lines = shown.err.splitlines()
    assert lines[0] == "0 of 2 files"
    assert lines[1].startswith("1 of 2 files, ")
    assert "b.png is not a video" in lines[2]
    assert lines[3].startswith("2 of 2 files, 1 could not be used, ")
    assert pq.read_table(tmp_path / "out").num_rows == 2


def test_nothing_usable_exits_with_2(capsys, worked_here, tmp_path):
    (tmp_path / "b.mp4").write_text("this is text")
    shown = videollama(capsys, "batch", tmp_path / "b.mp4", tmp_path / "out", "--task", "embed")
    assert shown.code == 2
    assert shown.out.startswith("0 done, 1 could not be used")


def test_many_failures_are_not_all_named(capsys, worked_here, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(23):
        (tmp_path / "in" / f"{number}.mp4").write_text("text")
    words = ("batch", tmp_path / "in", tmp_path / "out", "--task", "embed", "--block-size", 8)
    shown = videollama(capsys, *words)
    assert shown.err.count("is not a video") == 20
    assert shown.err.count("Further failures are counted") == 1


def test_an_empty_folder_is_told_and_nothing_made(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    shown = videollama(capsys, "batch", tmp_path / "in", tmp_path / "out", "--task", "embed")
    assert shown.code == 2
    assert f"There is no video, picture or sound file in {tmp_path / 'in'}." in shown.err
    assert not (tmp_path / "out").exists()


def test_without_ray_an_address_names_the_extra(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("videollama.batch.run.find_spec", lambda name: None)
    write_picture(tmp_path / "a.png")
    words = ("batch", tmp_path / "a.png", tmp_path / "out", "--task", "embed")
    shown = videollama(capsys, *words, "--address", "ray://somewhere:10001")
    assert shown.code == 2
    assert 'pip install "videollama[batch]"' in shown.err
    assert not (tmp_path / "out").exists()


def test_ctrl_c_says_how_to_go_on(capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("videollama.batch.run_batch", stop)
    shown = videollama(capsys, "batch", "in", "out", "--task", "embed")
    assert (shown.code, shown.out) == (130, "")
    assert "the same command goes on" in shown.err
