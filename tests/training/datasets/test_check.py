import json
import os

import pytest

from tests.synthetic import cut_off, write_clip, write_sound
from tests.training.datasets.folders import WRITERS, question_table, videochat
from videollama.errors import DataError
from videollama.media.header import read_header
from videollama.training.datasets.check import check, look_at
from videollama.training.datasets.inventory import Spread
from videollama.training.datasets.record import Medium
from videollama.training.datasets.source import open_source


def checked(path, *, decode=False, progress=lambda what, done: None):
    return check(
        open_source(path),
        count_length=lambda text: len(text.split()),
        length_unit="words",
        decode=decode,
        progress=progress,
    )


@pytest.mark.parametrize("name", WRITERS)
def test_good_data_have_nothing_to_find(tmp_path, name):
    report = checked(WRITERS[name](tmp_path / "data"))
    assert report.num_unusable == 0
    assert report.num_samples == sum(samples for samples, _ in report.splits.values())
    assert report.repeated.count == 0


def test_counts_durations_and_lengths_are_told(tmp_path):
    told = []
    report = checked(
        question_table(tmp_path / "data"), progress=lambda what, done: told.append((what, done))
    )
    assert report.splits == {"train": (2, 2), "val": (1, 1)}
    assert report.media == {"video": 1, "image": 1, "audio": 1}
    assert report.seconds["audio"] == Spread(1, 1.0, 1.0, 1.0)
    assert "image" not in report.seconds
    assert report.lengths == Spread(3, 2, 4, 4)
    assert told == [("samples read", number) for number in (1, 2, 3)]
    facts = json.loads(json.dumps(report.to_dict()))
    assert facts["splits"]["val"] == {"samples": 1, "media": 1}
    assert facts["files"][0]["format"] == "question table"


def test_media_that_cannot_be_used_are_sorted_by_what_is_wrong(tmp_path):
    folder = question_table(tmp_path / "data")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video at all")
    (folder / "heard.mp4").write_bytes((folder / "c.wav").read_bytes())
    with (folder / "questions.csv").open("a") as stream:
        for name in ("none.mp4", "empty.mp4", "text.mp4", "heard.mp4"):
            stream.write(f"{name},What?,A dog.,train\n")
        stream.write("a.mp4,What?,,train\n")
    report = checked(folder)
    assert {kind: found.count for kind, found in report.problems.items()} == {
        "missing": 1,
        "empty": 1,
        "unreadable": 1,
        "of another kind": 1,
        "damaged": 0,
    }
    assert report.problems["empty"].examples == (
        f"questions.csv, line 6: {folder / 'empty.mp4'} has zero bytes",
    )
    assert report.broken.examples == ("questions.csv, line 9: field 'answer' holds no text: ''",)
    assert report.num_unusable == 5


def test_decoding_finds_what_the_header_hides(tmp_path):
    folder = question_table(tmp_path / "data")
    cut_off(write_clip(folder / "a.mkv", seconds=4.0), 0.5)
    (folder / "questions.csv").write_text("file,question,answer\na.mkv,What?,A square.\n")
    assert checked(folder).problems["damaged"].count == 0
    report = checked(folder, decode=True)
    assert report.problems["damaged"].count == 1
    assert report.num_unusable == 0


def test_a_part_behind_the_end_is_a_broken_sample(tmp_path):
    folder = videochat(tmp_path / "data")
    file = folder / "videochat_instruct_11k.json"
    items = json.loads(file.read_text())
    items[1] |= {"start": 30, "end": 40}
    file.write_text(json.dumps(items))
    report = checked(folder)
    assert report.num_unusable == 1
    assert "begins at 30.0 s, but" in report.broken.examples[0]


def test_a_file_of_broken_entries_only_is_refused(tmp_path):
    folder = question_table(tmp_path / "data")
    (folder / "val.csv").write_text("file,question,answer\na.mp4,What?,\n")
    with pytest.raises(DataError) as refusal:
        checked(folder)
    assert str(refusal.value) == (
        f"{folder / 'val.csv'} holds no sample, but 1 broken entries; the first: "
        "val.csv, line 2: field 'answer' holds no text: ''."
    )


def test_no_media_at_all_are_refused(tmp_path):
    folder = question_table(tmp_path / "data")
    for name in ("a.mp4", "b.png", "c.wav"):
        (folder / name).unlink()
    with pytest.raises(DataError, match=r"None of 3 media files is below .+ with --media"):
        checked(folder)


def test_a_sound_in_a_video_can_be_meant(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", seconds=0.5)
    assert look_at(Medium("audio", clip), decode=False).problem is None
    mute = write_clip(tmp_path / "b.mp4", seconds=0.5, sound=None)
    assert look_at(Medium("audio", mute), decode=False).problem == "of another kind"
    assert read_header(write_sound(tmp_path / "c.wav", 0.5)).duration_seconds == 0.5


def test_file_names_may_hold_bytes_of_another_encoding(tmp_path):
    folder = question_table(tmp_path / os.fsdecode(b"caf\xe9"))
    (folder / "d.mp4").write_bytes((folder / "a.mp4").read_bytes())
    with (folder / "questions.csv").open("a") as stream:
        stream.write("d.mp4,What?,A square.,val\nnone.mp4,What?,A square.,val\n")
    report = checked(folder)
    assert report.leaks.examples == (f"{folder}/a.mp4 is in train and val",)
    assert "caf\\udce9/none.mp4 does not exist" in report.problems["missing"].examples[0]
