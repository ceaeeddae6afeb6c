import json

import pytest

from tests.evaluation.conftest import Scripted, write_json, write_videos
from tests.evaluation.judge_server import judge_server
from videollama.evaluation.answer_log import AnswerLog
from videollama.evaluation.judge import PROMPT_VERSION, Judge
from videollama.evaluation.judging import judge_answers
from videollama.evaluation.open_questions import OpenQuestionsTask
from videollama.evaluation.page import write_page
from videollama.evaluation.runner import run_task
from videollama.evaluation.video_chatgpt import VideoChatGptTask


@pytest.fixture
def questions(tmp_path):
    """Ten questions about one video."""
    entries = [
        {"video_id": 1, "id": number, "question": "what is it?", "answer": f"thing{number}"}
        for number in range(10)
    ]
    write_json(tmp_path / "data" / "test_qa.json", entries)
    write_videos(tmp_path / "data", "vid1.mp4")
    return OpenQuestionsTask("msvd-qa", tmp_path / "data")


def strict(body):
    """Says yes to things 0 to 3, nonsense about thing 4, and no to the others."""
    number = int(body["messages"][1]["content"].split("thing")[1][0])
    if number == 4:
        return 200, "I would rather not say."
    return 200, json.dumps({"pred": "yes" if number < 4 else "no", "score": 5 if number < 4 else 1})


def no_wait(_):
    pass


def test_verdicts_come_into_the_figures_and_failures_are_counted(questions, tmp_path):
    log = AnswerLog(tmp_path / "answers.jsonl", {})
    answerer = Scripted(lambda clip, question: "It is a thing.")
    with judge_server(strict) as (url, _):
        judge = Judge(url, "strict", no_wait)
        summary = judge_answers(questions, run_task(questions, answerer, log=log), judge, log=log)
    assert next(iter(summary.numbers)) == "judged right"
    assert summary.numbers["judged right"] == pytest.approx(400 / 9)
    assert summary.grades["judge's grade"] == pytest.approx((4 * 5 + 5 * 1) / 9)
    assert summary.numbers["soft match"] == 0.0
    report = summary.to_dict()["judge"]
    assert (report["verdicts"], report["failures"]) == (9, 1)
    assert "no grade from 0 to 5: 'I would rather not say.'" in report["first failure"]
    assert (report["model"], report["prompt"]) == ("strict", PROMPT_VERSION)
    assert len(report["dates"]) == 1
    assert [record.score for record in summary.records[:5]] == [100.0] * 4 + [0.0]
    write_page(tmp_path / "page.html", questions, summary)
    assert "judged by strict" in (tmp_path / "page.html").read_text()


def test_a_second_run_asks_for_failed_verdicts_only_and_another_judge_for_all(questions, tmp_path):
    def run(url, model):
        log = AnswerLog(tmp_path / "answers.jsonl", {})
        answerer = Scripted(lambda clip, question: "It is.")
        judge = Judge(url, model, no_wait)
        return judge_answers(questions, run_task(questions, answerer, log=log), judge, log=log)

    with judge_server(strict) as (url, _):
        run(url, "strict")
    with judge_server(lambda body: (200, '{"pred": "no", "score": 0}')) as (url, seen):
        summary = run(url, "strict")
        assert len(seen) == 1
        assert summary.judge["failures"] == 0
        assert summary.numbers["judged right"] == 40.0
        run(url, "other")
        assert len(seen) == 1 + 10


def test_a_judge_that_fails_throughout_is_given_up_and_nothing_is_invented(questions):
    summary = run_task(questions, Scripted(lambda clip, question: "thing3"))
    with judge_server(lambda body: (500, "")) as (url, seen):
        judged = judge_answers(questions, summary, Judge(url, "m", no_wait))
        assert len(seen) == 8 * 4
    assert "judged right" not in judged.numbers
    assert judged.grades == {}
    assert (judged.judge["verdicts"], judged.judge["failures"]) == (0, 10)
    assert judged.numbers["soft match"] == 10.0
    assert judged.margin == summary.margin


def test_video_chatgpts_five_grades(tmp_path):
    case = {"Q": "What happens?", "A": "A square moves.", "video_name": "v_a"}
    write_json(tmp_path / "generic_qa.json", [case, {**case, "video_name": "v_gone"}])
    write_json(tmp_path / "temporal_qa.json", [case])
    pair = {"Q1": "What moves?", "Q2": "Which thing moves?", "A": "A square.", "video_name": "v_a"}
    write_json(tmp_path / "consistency_qa.json", [pair])
    write_videos(tmp_path / "Test_Videos", "v_a.mp4")
    task = VideoChatGptTask(tmp_path)
    assert task.source == "consistency, generic, temporal"
    assert task.coverage.missing == ("v_gone",)
    summary = run_task(task, Scripted(lambda clip, question: f"About {question}"))
    assert summary.numbers == {}

    def reply(body):
        text = body["messages"][1]["content"]
        return 200, '{"score": 5}' if "Candidate 2: About Which thing" in text else '{"score": 2}'

    with judge_server(reply) as (url, seen):
        judged = judge_answers(task, summary, Judge(url, "m", no_wait))
        assert len(seen) == 3 + 1 + 1
    assert judged.grades == {
        "correctness": 2.0,
        "detail": 2.0,
        "context": 2.0,
        "temporal": 2.0,
        "consistency": 5.0,
    }
    scores = {record.id: record.score for record in judged.records}
    assert scores["generic/1/1"] == 40.0
    assert (scores["consistency/1/1"], scores["consistency/1/2"]) == (100.0, None)
