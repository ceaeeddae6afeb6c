import json

import pytest

from tests.training.datasets.folders import WRITERS, question_table
from tests.training.datasets.reading import read
from videollama.errors import DataError, OutputError
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.conversion import write_conversations
from videollama.training.datasets.source import open_source


def converted(folder, target, limit=0, progress=lambda done: None):
    broken = BrokenSamples(limit, "--max-broken")
    source = open_source(folder)
    return write_conversations(source, target, broken=broken, progress=progress), broken.reasons


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_reads_back_the_same(tmp_path, name):
    folder = WRITERS[name](tmp_path / "data")
    written, broken = converted(folder, tmp_path / "all.jsonl")
    before, _ = read(folder)
    after, unreadable = read(tmp_path / "all.jsonl")
    assert (written, broken, unreadable) == (len(before), {}, {})
    for one, other in zip(before, after, strict=True):
        assert (one.media, one.turns, one.split, one.system) == (
            other.media,
            other.turns,
            other.split,
            other.system,
        )


def test_samples_without_media_are_left_out_and_named(tmp_path):
    folder = question_table(tmp_path / "data")
    (folder / "b.png").unlink()
    (folder / "c.wav").write_bytes(b"")
    written, broken = converted(folder, tmp_path / "all.jsonl", limit=2)
    assert written == 1
    assert list(broken) == ["questions.csv, line 3", "questions.csv, line 4"]
    line = json.loads((tmp_path / "all.jsonl").read_text())
    assert line["video"] == "data/a.mp4"


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (2, r"3 training samples are broken, more than --max-broken=2; the first: questions\.csv"),
        (3, r"No sample of 3 can be used; the first: questions\.csv, line 2: .+ does not exist"),
    ],
)
def test_too_many_broken_samples_leave_no_file(tmp_path, limit, sentence):
    folder = question_table(tmp_path / "data")
    for name in ("a.mp4", "b.png", "c.wav"):
        (folder / name).unlink()
    with pytest.raises(DataError, match=sentence):
        converted(folder, tmp_path / "out" / "all.jsonl", limit)
    assert list((tmp_path / "out").iterdir()) == []


def test_ctrl_c_leaves_nothing(tmp_path):
    def stop(done):
        raise KeyboardInterrupt

    folder = question_table(tmp_path / "data")
    with pytest.raises(KeyboardInterrupt):
        converted(folder, tmp_path / "out" / "all.jsonl", progress=stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_existing_file_stays(tmp_path):
    folder = question_table(tmp_path / "data")
    before = (folder / "questions.csv").read_text()
    with pytest.raises(OutputError, match=r"questions\.csv exists already"):
        converted(folder, folder / "questions.csv")
    assert (folder / "questions.csv").read_text() == before
