import json

import pytest

from tests.evaluation.conftest import Scripted, scene_of
from videollama.errors import DataError
from videollama.evaluation.answer_log import AnswerLog
from videollama.evaluation.runner import run_task
from videollama.evaluation.yes_no import YesNoTask


def seeing(clip, question):
    if clip is None:
        return "Yes."
    return "Yes." if scene_of(clip.frames[0]) in question else "No."


def test_one_who_sees_scores_100_and_a_blind_one_50(photo_folder):
    task = YesNoTask(photo_folder)
    done = []
    summary = run_task(task, Scripted(seeing), batch_size=5, progress=done.append)
    assert summary.numbers["balanced accuracy"] == 100.0
    assert (summary.num_answers, summary.num_broken, summary.margin) == (24, 0, 0.0)
    assert [record.id for record in summary.records] == [sample.id for sample in task.samples]
    assert sum(done) == 24
    blind = run_task(task, Scripted(seeing), blind=True)
    assert blind.numbers["balanced accuracy"] == 50.0
    assert 0 < blind.margin < 25


def test_questions_are_asked_in_batches(photo_folder):
    answerer = Scripted(seeing)
    run_task(YesNoTask(photo_folder, limit=10), answerer, batch_size=4)
    assert [len(batch) for batch in answerer.batches] == [4, 4, 2]


def test_a_blind_run_asks_each_question_once(photo_folder):
    task = YesNoTask(photo_folder)
    answerer = Scripted(lambda clip, question: "Yes." if "dog" in question else "No.")
    summary = run_task(task, answerer, blind=True, batch_size=4)
    asked = [question for batch in answerer.batches for question in batch]
    assert sorted(asked) == sorted({sample.question for sample in task.samples})
    assert all(
        record.answer == ("Yes." if "dog" in record.question else "No.")
        for record in summary.records
    )


def test_broken_files_are_counted_and_left_out(photo_folder):
    for file in (photo_folder / "images").glob("dog*"):
        file.write_bytes(b"not a picture")
    summary = run_task(YesNoTask(photo_folder), Scripted(seeing))
    assert summary.num_broken > 0
    assert summary.num_answers + summary.num_broken == 24
    assert summary.numbers["balanced accuracy"] == 100.0
    errors = [record.error for record in summary.records if record.answer is None]
    assert len(errors) == summary.num_broken
    assert all("dog" in error for error in errors)
    assert summary.to_dict()["broken"] == summary.num_broken


def test_nothing_readable_is_an_error(photo_folder):
    for file in (photo_folder / "images").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="None of 24 questions could be asked; the first says"):
        run_task(YesNoTask(photo_folder), Scripted(seeing))


def test_no_questions_are_an_error(photo_folder):
    with pytest.raises(DataError, match="no questions for yesno in split train"):
        run_task(YesNoTask(photo_folder, split="train"), Scripted(seeing))


def test_a_stopped_run_goes_on_where_it_was(photo_folder, tmp_path):
    path = tmp_path / "answers.jsonl"
    task = YesNoTask(photo_folder)

    def interrupted(clip, question):
        if len(stopping.batches) > 3:
            raise KeyboardInterrupt
        return seeing(clip, question)

    stopping = Scripted(interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_task(task, stopping, batch_size=4, log=AnswerLog(path, {"seed": 0}))
    rest = Scripted(seeing)
    summary = run_task(task, rest, batch_size=4, log=AnswerLog(path, {"seed": 0}))
    assert sum(len(batch) for batch in rest.batches) == 24 - 12
    assert summary.numbers["balanced accuracy"] == 100.0
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert len(lines) == 24
    assert {line["score"] for line in lines} == {100.0}
    again = Scripted(seeing)
    assert run_task(task, again, log=AnswerLog(path, {"seed": 0})).numbers == summary.numbers
    assert again.batches == []
