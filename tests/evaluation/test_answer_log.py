import json

import pytest

from videollama.errors import OutputError
from videollama.evaluation.answer_log import AnswerLog, Record

RUN = {"task": "captions", "seed": 0}
FIRST = Record("a.jpg", False, "Describe.", ["A dog."], answer="A cat \N{CAT FACE}")
BLIND = Record("a.jpg", True, "Describe.", ["A dog."], error="gone")


def test_answers_are_there_again(tmp_path):
    path = tmp_path / "new" / "answers.jsonl"
    log = AnswerLog(path, RUN)
    log.add(FIRST)
    log.add(BLIND)
    assert list(AnswerLog(path, RUN).records.values()) == [FIRST, BLIND]


def test_a_line_cut_off_by_a_stop_is_dropped_and_the_next_is_whole(tmp_path):
    path = tmp_path / "answers.jsonl"
    AnswerLog(path, RUN).add(FIRST)
    with path.open("a") as file:
        file.write('{"id": "b.jpg", "bli')
    AnswerLog(path, RUN).add(BLIND)
    assert list(AnswerLog(path, RUN).records.values()) == [FIRST, BLIND]


def test_scores_replace_the_lines(tmp_path):
    path = tmp_path / "answers.jsonl"
    log = AnswerLog(path, RUN)
    log.add(FIRST)
    log.finish([Record(**{**vars(FIRST), "score": 50.0})])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"run": RUN}
    assert [line["score"] for line in lines[1:]] == [50.0]
    assert [file.name for file in tmp_path.iterdir()] == ["answers.jsonl"]


def test_answers_of_other_weights_are_not_mixed_in(tmp_path):
    path = tmp_path / "answers.jsonl"
    AnswerLog(path, RUN).add(FIRST)
    with pytest.raises(OutputError, match="holds answers with seed 0, not 1; choose another"):
        AnswerLog(path, {**RUN, "seed": 1})


def test_another_kind_of_file_is_left_alone(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader,\n")
    with pytest.raises(OutputError, match="not a file of answers"):
        AnswerLog(path, RUN)
    assert path.read_text() == "Dear reader,\n"
    with pytest.raises(OutputError, match="cannot be written"):
        AnswerLog(tmp_path, RUN)
