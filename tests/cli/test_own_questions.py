import pytest

from videollama.cli.own_questions import read_own_questions
from videollama.errors import DataError

ROWS = """file,question,answer,split
a.mp4,What moves?,A square.,train
b.mp4,What moves?,A circle.,val
c.mp4,What moves?,A tone.,test
d.mp4,,A caption.,test
e.mp4,,,test
"""


def test_the_test_split_is_asked_unless_another_is_named(tmp_path):
    (tmp_path / "q.csv").write_text(ROWS)
    task = read_own_questions(tmp_path)
    assert [(s.question, s.truth) for s in task.samples] == [("What moves?", "A tone.")]
    assert task.source == "split test, without 1 broken ones"
    assert read_own_questions(tmp_path, split="val").samples[0].truth == "A circle."


def test_a_split_that_is_not_there_is_told_with_those_that_are(tmp_path):
    (tmp_path / "q.csv").write_text(ROWS)
    with pytest.raises(DataError, match=r"no split 'dev'; set --split to one of train \(1\)"):
        read_own_questions(tmp_path, split="dev")
    (tmp_path / "q.csv").write_text("file,question,answer\na.txt,What?,It.\n")
    with pytest.raises(DataError, match=r"holds no sample that can be used; the first: q\.csv"):
        read_own_questions(tmp_path)
