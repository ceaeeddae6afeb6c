from pathlib import Path

import pytest

from videollama.errors import DataError, OutputError
from videollama.training.datasets.inventory import Found, MediaState, Spread, open_inventory
from videollama.training.datasets.record import Medium, Sample, Turn


def talk(path, question, answer, split="train", origin="a.csv, line 2"):
    return Sample((Medium("video", path),), (Turn(question, answer),), split, origin)


def nothing(_):
    return None


def test_a_file_is_looked_at_once():
    looked_at = []

    def look_at(medium):
        looked_at.append(medium.path)
        return MediaState(5, 1.5)

    with open_inventory() as inventory:
        for question in ("What?", "Why?"):
            states = inventory.add(talk(Path("a.mp4"), question, "So."), 2, look_at)
            assert states == [MediaState(5, 1.5)]
        assert inventory.split_counts() == {"train": (2, 1)}
        assert inventory.media_counts() == {"video": 1}
        assert inventory.durations("video") == Spread(1, 1.5, 1.5, 1.5)
        assert inventory.durations("audio") is None
        assert inventory.num_turns() == 2
    assert looked_at == [Path("a.mp4")]


def test_lengths_have_a_middle():
    with open_inventory() as inventory:
        for length in (9, 1, 4):
            inventory.add(talk(Path("a"), "", "A."), length, lambda _: MediaState())
        assert inventory.lengths() == Spread(3, 1, 4, 9)


def test_repeated_questions_are_told_apart_by_their_answers():
    said = [("<video>\nWhat?", "A dog."), ("What? <video>", "A dog."), ("What?", "A cat.")]
    with open_inventory() as inventory:
        for number, (question, answer) in enumerate([*said, ("", "A.")]):
            sample = talk(Path("a"), question, answer, origin=f"line {number}")
            inventory.add(sample, 1, lambda _: MediaState(7))
        twice = Sample(
            (Medium("video", Path("b")),), (Turn("And?", "A."), Turn("And?", "A.")), "train", "x"
        )
        inventory.add(twice, 1, lambda _: MediaState(8))
        inventory.finish(nothing)
        same = inventory.repeated_questions(5, same_answer=True)
        other = inventory.repeated_questions(5, same_answer=False)
    assert same == Found(1, ("line 0 and line 1",))
    assert other == Found(2, ("line 0 and line 2",))


def test_equal_contents_in_two_splits_are_a_leak(tmp_path):
    for name, content in (("a", b"12"), ("b", b"12"), ("c", b"34"), ("d", b"5")):
        (tmp_path / name).write_bytes(content)
    compared = []
    with open_inventory() as inventory:
        for name, split in (
            ("a", "train"),
            ("b", "val"),
            ("c", "val"),
            ("d", "val"),
            ("d", "test"),
        ):
            size = (tmp_path / name).stat().st_size
            sample = talk(tmp_path / name, "", "A.", split)
            inventory.add(sample, 1, lambda _, size=size: MediaState(size))
        inventory.finish(compared.append)
        assert inventory.equal_files(5) == Found(1, (f"{tmp_path}/a and {tmp_path}/b",))
        assert inventory.leaks(5).count == 2
        assert inventory.leaks(1) == Found(2, (f"{tmp_path}/a is in train and val",))
    assert compared == [1, 2, 3]


def test_problems_are_counted_and_named():
    def look_at(medium):
        return MediaState(problem="missing", reason=f"{medium.path} does not exist")

    with open_inventory() as inventory:
        for name in ("a", "b"):
            inventory.add(talk(Path(name), "", "A."), 1, look_at)
        assert inventory.problems("missing", 1) == Found(2, ("a.csv, line 2: a does not exist",))
        assert inventory.problems("empty", 1) == Found(0, ())


def test_a_file_that_goes_while_it_is_checked_is_named():
    with open_inventory() as inventory:
        for name in ("a", "b"):
            inventory.add(talk(Path(name), "", "A."), 1, lambda _: MediaState(7))
        with pytest.raises(DataError, match="a could be read at first, and now not"):
            inventory.finish(nothing)


def test_a_full_disk_is_told_in_a_sentence():
    def fill():
        with open_inventory() as inventory:
            inventory._database.execute("PRAGMA max_page_count = 8")
            for number in range(1000):
                inventory.add(talk(Path(f"{number}" * 50), "", "A."), 1, lambda _: MediaState())

    with pytest.raises(OutputError, match="set TMPDIR to a folder"):
        fill()
