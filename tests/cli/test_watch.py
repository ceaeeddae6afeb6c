import io
import json
from threading import Thread

import pytest

from tests.cli.command import videollama
from tests.live.scripted_source import ScriptedSource
from videollama.cli import watch as cli_watch
from videollama.live import watch
from videollama.live.watch import Watch


@pytest.fixture
def film(monkeypatch):
    monkeypatch.setattr(watch, "LiveSource", ScriptedSource)
    return "film.mp4"


@pytest.fixture(autouse=True)
def nobody_types(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))


class AtOnce(Thread):
    """Is done when it is started."""

    def start(self):
        self.run()


@pytest.fixture
def says_yes(monkeypatch):
    monkeypatch.setattr(Watch, "_answers", lambda self, asked, words: ["Yes."] * len(asked))


def test_each_look_is_a_line_with_its_time(capsys, loaded, film, says_yes):
    shown = videollama(capsys, "watch", film, "--every", 5)
    assert shown.code == 0
    assert shown.out.splitlines() == ["0:00:05  Yes. · Yes.", "0:00:06  Yes. · Yes."]
    assert "2 looks · the model was busy" in shown.err


def test_json_lines_for_scripts(capsys, loaded, film, says_yes):
    shown = videollama(capsys, "watch", film, "--every", 3, "--alert", "a dog", "--json")
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert lines[0].keys() == {"time_seconds", "kind", "seen", "heard", "took_seconds"}
    alerts = [line for line in lines if line["kind"] == "alert"]
    assert [(alert["alert"], alert["text"]) for alert in alerts] == [("a dog", "Yes.")]
    assert shown.err == ""


def test_quiet_tells_alerts_alone(capsys, loaded, film, says_yes):
    shown = videollama(capsys, "watch", film, "--every", 3, "--alert", "a dog", "--quiet")
    assert shown.out == "0:00:06  ALERT a dog: Yes.\n"
    assert shown.err == ""


def test_a_typed_line_is_a_question(capsys, loaded, film, says_yes, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\nWhat is it?\n"))
    monkeypatch.setattr(cli_watch, "Thread", AtOnce)
    shown = videollama(capsys, "watch", film, "--quiet")
    assert shown.out.endswith("What is it? Yes.\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.mp4"], "none.mp4 does not exist; check the name."),
        (["http://127.0.0.1:9/x"], "http://127.0.0.1:9/x cannot be read: Connection refused."),
        (["FILM", "--every", "0"], "every_seconds is 0.0, but must be from 0.1 to 3600."),
        (
            ["FILM", "--alert", ""],
            "An alert is empty; name what to watch for, for example 'a dog'.",
        ),
    ],
)
def test_what_cannot_be_watched_is_one_sentence(capsys, loaded, clip_file, words, sentence):
    words = [clip_file if word == "FILM" else word for word in words]
    shown = videollama(capsys, "watch", *words)
    assert (shown.code, shown.err.strip()) == (2, sentence)
