import pytest

from tests.evaluation.judge_server import judge_server
from videollama.errors import BackendError, InputError
from videollama.evaluation.judge import (
    Judge,
    JudgeError,
    Verdict,
    answer_inquiry,
    grade_inquiry,
    read_verdict,
)

INQUIRY = answer_inquiry("7", "What falls?", "water", "Rain does.")
GRADE = grade_inquiry("7", "detail", "You grade.", "Case")


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ('{"pred": "yes", "score": 4}', Verdict(4, True)),
        ("{'pred': 'No', 'score': 1.8}", Verdict(1, False)),
        ('Sure!\n```json\n{"pred": "yes", "score": 5}\n```', Verdict(5, True)),
    ],
)
def test_verdicts_are_read_from_json_and_python(reply, verdict):
    assert read_verdict(reply, INQUIRY) == verdict


def test_a_grade_alone_needs_no_yes_or_no():
    assert read_verdict('{"score": 0}', GRADE) == Verdict(0)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("The answer is good.", "no grade from 0 to 5: 'The answer is good.'"),
        ('{"pred": "yes", "score": 7}', "no grade from 0 to 5"),
        ('{"pred": "yes", "score": "many"}', "no grade"),
        ('{"pred": "yes", "score": true}', "no grade"),
        ('{"pred": "perhaps", "score": 3}', "says neither yes nor no"),
        ("{__import__('os').getcwd(): 1}", "no grade"),
    ],
)
def test_nonsense_is_no_verdict(reply, message):
    with pytest.raises(JudgeError, match=message):
        read_verdict(reply, INQUIRY)


def test_the_judge_is_asked_without_chance_and_with_the_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with judge_server(lambda body: (200, '{"pred": "yes", "score": 5}')) as (url, seen):
        judge = Judge(f"{url}/chat/completions", "some-model")
        judge.check()
        assert judge.ask(INQUIRY) == Verdict(5, True)
    assert seen[0]["model"] == "some-model"
    assert seen[0]["temperature"] == 0
    case = seen[0]["messages"][1]["content"]
    assert case.startswith("Question: What falls?\nCorrect answer: water\nCandidate: Rain does.")


def test_a_failure_is_tried_again_and_then_told():
    replies = iter([(503, ""), (200, "Hm."), (200, '{"pred": "no", "score": 0}')])
    waits = []
    with judge_server(lambda body: next(replies)) as (url, seen):
        assert Judge(url, "m", waits.append).ask(INQUIRY) == Verdict(0, False)
        assert waits == [1.0, 2.0]
    with judge_server(lambda body: (200, "Hm.")) as (url, seen):
        with pytest.raises(JudgeError, match="holds no grade"):
            Judge(url, "m", waits.append).ask(INQUIRY)
        assert len(seen) == 4
    with judge_server(lambda body: (404, "")) as (url, seen):
        with pytest.raises(JudgeError, match="the server says 404"):
            Judge(url, "m", waits.append).ask(INQUIRY)
        assert len(seen) == 1


def test_a_judge_that_is_not_there_or_wants_a_key_is_told_at_once(monkeypatch):
    with judge_server(lambda body: (200, "")) as (url, _):
        monkeypatch.setenv("OPENAI_API_KEY", "wrong")
        with pytest.raises(BackendError, match=r"wants a key \(401\); set OPENAI_API_KEY"):
            Judge(url, "m").check()
    with pytest.raises(BackendError, match=r"does not answer .*refused.*; start it, or leave"):
        Judge(url, "m").check()
    with pytest.raises(InputError, match="--judge localhost:8000 is no address"):
        Judge("localhost:8000", "m")
