import io
import json

import pytest

from tests.cli.command import videollama


@pytest.fixture
def typing(monkeypatch):
    """Lets lines come from a pipe."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_every_line_gets_its_answer(capsys, loaded, clip_file, typing, assistant):
    typing("What moves?\nAnd then?\n\nnot asked any more\n")
    shown = videollama(capsys, "chat", clip_file, "--max-new-tokens", 6, "--json")
    answers = [json.loads(line) for line in shown.out.splitlines()]
    conversation = assistant.chat(clip_file, max_new_tokens=6)
    expected = [conversation.ask("What moves?").text, conversation.ask("And then?").text]
    assert [answer["text"] for answer in answers] == expected


def test_the_streamed_text_is_the_answer(capsys, loaded, clip_file, typing, assistant):
    typing("What moves?")
    shown = videollama(capsys, "chat", clip_file, "--max-new-tokens", 12, "--quiet")
    expected = assistant.ask(clip_file, "What moves?", max_new_tokens=12).text
    assert shown.out.strip() == expected
    assert shown.err == ""


def test_a_question_that_cannot_be_answered_does_not_end_the_conversation(
    capsys, loaded, clip_file, typing, assistant, monkeypatch
):
    monkeypatch.setattr(assistant.processor.config, "languages", ["en"])
    typing("What moves?\n你看到什么？\nAnd then?\n")
    shown = videollama(capsys, "chat", clip_file, "--max-new-tokens", 6, "--json")
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert shown.code == 0
    assert ["text" in line for line in lines] == [True, False, True]
    assert lines[1]["error"] in shown.err.replace("\n", "")
    typing("你看到什么？\n")
    assert videollama(capsys, "chat", clip_file).code == 2


def test_without_questions_nothing_is_said(capsys, loaded, clip_file, typing):
    typing("")
    shown = videollama(capsys, "chat", clip_file, "--compile")
    assert (shown.code, shown.out) == (0, "")
    assert loaded == [(None, "auto", "auto", "--compile")]
