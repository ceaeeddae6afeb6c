import io
from concurrent.futures import Future
from dataclasses import replace

import pytest
from PIL import Image

from videollama.errors import BusyError, InputError, MediaError
from videollama.inference.scheduling import Request
from videollama.languages.catalogue import wordings
from videollama.web import live_view
from videollama.web.live_view import LiveView
from videollama.web.rendering import lines_of


def picture(color="red"):
    content = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(content, "JPEG")
    return content.getvalue()


class Scripted:
    """Answers by the words of a question, and notes what it was asked."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def __call__(self, request: Request):
        question = request.messages[-1]["content"][-1]["text"]
        self.asked.append((question, request.clips[0]))
        answer = Future()
        finished = type("Finished", (), {"text": self.answers[question]})
        answer.set_result(finished)
        return answer


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when it is told to."""
    now = [100.0]
    monkeypatch.setattr(live_view, "perf_counter", lambda: now[0])
    return now


@pytest.fixture
def scripted(backend):
    """A backend that opens pictures, and answers as it is told."""

    def scripted(**answers):
        return replace(backend, submit=Scripted(answers))

    return scripted


def told(live):
    return [(line.time_seconds, line.kind, line.text) for line in live.lines]


def test_a_camera_is_looked_at_every_four_seconds(scripted, clock):
    live, backend = LiveView(), scripted(**{"Describe the video.": "A dog."})
    for second in range(9):
        clock[0] = 100.0 + second
        live.see(backend, picture(), [])
    assert [len(clip.frame_times_seconds) for _, clip in backend.submit.asked] == [3, 7]
    assert told(live) == [(2.0, "seen", "A dog.")], "what goes on is told once"


def test_an_alert_needs_two_looks_and_comes_once(scripted, clock):
    answers = {"Describe the video.": "A dog.", "Is there a dog in the video?": "Yes."}
    live, backend = LiveView(), scripted(**answers)
    for second in range(0, 20, 2):
        clock[0] = 100.0 + second
        live.see(backend, picture(), ["a dog"])
    assert told(live) == [(2.0, "seen", "A dog."), (6.0, "alert", "a dog")]


def test_a_question_is_about_the_last_seconds(scripted, clock):
    live, backend = LiveView(), scripted(**{"What is red?": "All of it."})
    live.see(backend, picture(), [])
    clock[0] += 1
    live.ask(backend, " What is red? ")
    assert told(live) == [(1.0, "answer", "All of it.")]
    assert live.lines[0].question == "What is red?"


def test_the_model_is_asked(backend, clock):
    live = LiveView()
    live.see(backend, picture(), [])
    clock[0] += 3
    live.see(backend, picture("blue"), [])
    assert [line.kind for line in live.lines] == ["seen"]


def test_mistakes_are_sentences(scripted, clock):
    live, backend = LiveView(), scripted()
    with pytest.raises(InputError, match="turn the camera on first"):
        live.ask(backend, "What?")
    with pytest.raises(InputError, match="question is empty"):
        live.ask(backend, " ")
    with pytest.raises(MediaError, match="not a video, image or sound"):
        live.see(backend, b"no picture", [])
    live.see(backend, picture(), [])
    clock[0] += 3
    with pytest.raises(InputError, match="5 things are watched for, and at most 4"):
        live.see(backend, picture(), list("abcde"))


def test_a_busy_model_is_asked_again_later(backend, clock):
    def busy(request):
        raise BusyError("32 requests are waiting already; ask again in a moment.")

    live, full = LiveView(), replace(backend, submit=busy)
    live.see(full, picture(), [])
    clock[0] += 3
    with pytest.raises(BusyError):
        live.see(full, picture(), [])
    clock[0] += 1
    live.see(full, picture(), [])
    assert live.lines == []


def test_lines_are_text_and_the_newest_stands_first():
    lines = [
        live_view.Line(2.0, "seen", "A <b>dog</b>."),
        live_view.Line(66.0, "alert", "a dog"),
        live_view.Line(67.0, "alert", "Is it red?"),
    ]
    html = lines_of(lines, wordings()["en"])
    assert html.index("1:07") < html.index("1:06") < html.index("0:02")
    assert "A &lt;b&gt;dog&lt;/b&gt;." in html
    assert "There is: a dog" in html
    assert "Yes: Is it red?" in html
    assert "newest first" in lines_of([], wordings()["en"])
