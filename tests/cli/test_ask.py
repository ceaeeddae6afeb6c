import json
from io import StringIO

import pytest

from tests.cli.command import videollama
from tests.synthetic import write_picture, write_sound
from videollama.inference import chat
from videollama.inference.answer import Flag


def test_the_answer_is_on_stdout_and_its_basis_on_stderr(capsys, loaded, clip_file, assistant):
    shown = videollama(capsys, "ask", clip_file, "What moves?", "--max-new-tokens", 5)
    expected = assistant.ask(clip_file, "What moves?", max_new_tokens=5)
    assert shown.code == 0
    assert shown.out == f"{expected.text}\n"
    assert "8 frames from 0.0 to" in shown.err
    assert "s of sound" in shown.err


def test_json_holds_what_was_seen_and_heard(capsys, loaded, mute_file):
    shown = videollama(
        capsys, "ask", mute_file, "What?", "--json", "--frames", 3, "--max-new-tokens", 2
    )
    report = json.loads(shown.out)
    assert report["question"] == "What?"
    assert report["seen"][0]["num_frames"] == 3
    assert report["heard"][0]["status"] == "absent"
    assert shown.err == ""


def test_a_picture_and_a_sound_are_asked_about_together(capsys, loaded, tmp_path):
    picture, sound = write_picture(tmp_path / "a.png"), write_sound(tmp_path / "b.wav")
    shown = videollama(capsys, "ask", picture, sound, "Do they fit?", "--max-new-tokens", 2)
    assert shown.code == 0
    assert "1 picture · 2.0 s of sound" in shown.err


def test_the_options_reach_the_model(capsys, loaded, clip_file):
    words = ("--model", "mine", "--device", "cpu", "--dtype", "float32", "--quiet")
    shown = videollama(capsys, "ask", clip_file, "What?", "--max-new-tokens", 1, *words)
    assert shown.err == ""
    assert loaded == [("mine", "cpu", "float32")]


@pytest.mark.parametrize(
    ("word", "missing"), [("What happens?", "A file"), (__file__, "The question")]
)
def test_one_word_alone_says_which_is_missing(capsys, loaded, word, missing):
    shown = videollama(capsys, "ask", word)
    assert shown.code == 2
    assert shown.err.startswith(missing)
    assert not loaded


def test_a_file_that_is_not_there_is_one_sentence(capsys, loaded, tmp_path):
    shown = videollama(capsys, "ask", tmp_path / "no.mp4", "What?")
    assert shown.code == 2
    assert "no.mp4 does not exist" in shown.err
    assert not loaded


@pytest.mark.parametrize("verb", ["ask", "chat", "caption"])
def test_no_cache_is_a_wish_of_every_verb_that_encodes(
    capsys, loaded, clip_file, verb, monkeypatch
):
    monkeypatch.setattr("sys.stdin", StringIO(""))
    words = [clip_file, "What?"] if verb == "ask" else [clip_file]
    shown = videollama(capsys, verb, *words, "--max-new-tokens", 1, "--no-cache")
    assert shown.code == 0
    assert loaded == [(None, "auto", "auto", "--no-cache")]


def test_what_the_file_does_not_bear_out_is_said_where_asked_for(
    capsys, loaded, mute_file, monkeypatch
):
    words = ("ask", mute_file, "What?", "--max-new-tokens", 2)
    assert "checked" not in videollama(capsys, *words).err
    assert "checked: nothing to flag" in videollama(capsys, *words, "--check").err
    monkeypatch.setattr(chat, "flags_of", lambda *_: (Flag("sound", "[b]dog", "absent"),))
    sentence = "The answer names a sound ([b]dog), but there is no audio track."
    assert sentence in videollama(capsys, *words, "--check").err
    report = json.loads(videollama(capsys, *words, "--check", "--json").out)
    assert report["flags"][0]["sentence"] == sentence


def test_a_question_that_was_forgotten_is_told_of_several_files_too(
    capsys, loaded, clip_file, mute_file
):
    shown = videollama(capsys, "ask", clip_file, mute_file)
    assert shown.code == 2
    assert f"The question about {mute_file} is missing" in shown.err.replace("\n", "")
    folder = clip_file.parent
    assert f"The question about {folder} is missing" in videollama(capsys, "ask", folder).err
    assert videollama(capsys, "ask", "why? " * 100).code == 2
    assert not loaded
