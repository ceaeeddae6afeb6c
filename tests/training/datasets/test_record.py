from pathlib import Path

import pytest

from videollama.errors import DataError
from videollama.training.datasets.record import (
    Medium,
    Place,
    Turn,
    sample,
    split_in,
    split_name,
)

PLACE = Place("a.csv, line 2", "train", Path())


def test_without_marks_the_media_stand_before_the_first_question():
    media = [Medium("video", Path("a.mp4")), Medium("audio", Path("b.wav"))]
    whole = sample(PLACE, media, [Turn("What?", "A dog."), Turn("Why?", "So.")])
    assert [turn.question for turn in whole.turns] == ["<video>\n<audio>\nWhat?", "Why?"]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("results_10M_val", "val"),
        ("webvid_training_data", "train"),
        ("validation", "val"),
        ("0", "train"),
        ("latest", "train"),
        ("test-clean", "test"),
    ],
)
def test_a_files_name_tells_its_split(name, split):
    assert split_in(name) == split


def test_splits_have_one_name_each():
    assert [split_name(word) for word in ("Validation", "dev ", "held-out")] == [
        "val",
        "val",
        "held-out",
    ]


def test_a_name_that_is_too_long_is_not_there(tmp_path):
    place = Place("a.csv, line 2", "train", tmp_path)
    assert place.find("a" * 5000, "b").name == "a" * 5000


@pytest.mark.parametrize("turn", [Turn("What?", "A \ud83d dog."), Turn("\ud83d?", "A dog.")])
def test_half_a_character_is_no_text(turn):
    with pytest.raises(DataError, match="holds half a character"):
        sample(PLACE, [Medium("image", Path("a.png"))], [turn])
