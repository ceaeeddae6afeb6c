from collections import Counter

import pytest

from tests.evaluation.conftest import scene_of
from videollama.evaluation.yes_no import YesNoTask, yes_or_no


def test_every_thing_is_asked_as_often_where_it_is_as_where_it_is_not(photo_folder):
    task = YesNoTask(photo_folder)
    counts = Counter((sample.group, sample.truth) for sample in task.samples)
    assert counts == {(name, said): 4 for name in ("dog", "car", "boat") for said in ("yes", "no")}
    assert any(sample.question == "Is there a dog in the picture?" for sample in task.samples)


def test_the_photo_shows_the_thing_exactly_when_the_truth_is_yes(photo_folder):
    for sample in YesNoTask(photo_folder).samples:
        shown = scene_of(sample.open_clip().frames[0])
        assert (shown == sample.group) is (sample.truth == "yes")


def test_scores(photo_folder):
    task = YesNoTask(photo_folder, limit=11)
    assert len(task.samples) == 10
    right = task.judge(task.samples, [f"{s.truth.title()}, indeed." for s in task.samples])
    assert right.numbers == {"balanced accuracy": 100.0, "said yes": 50.0, "clear answers": 100.0}
    always = task.judge(task.samples, ["Yes."] * 10)
    assert always.numbers["balanced accuracy"] == 50.0
    assert task.judge(task.samples, ["Maybe."] * 10).numbers["clear answers"] == 0.0


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("Yes, a brown dog.", "yes"),
        ("no", "no"),
        ("There is a dog.", "yes"),
        ("There is no dog.", "no"),
        ("There isn't any.", "no"),
        ("I cannot see one.", "no"),
        ("I see a dog.", "yes"),
        ("A dog.", None),
        ("", None),
    ],
)
def test_yes_or_no(answer, word):
    assert yes_or_no(answer) == word
