import copy
from itertools import pairwise

import pytest

from tests.synthetic import write_picture, write_sound
from videollama.errors import InputError, MediaError
from videollama.web.session import Session, Settings

SHORT = Settings(max_new_tokens=6)


@pytest.fixture
def opened(clip_file):
    session = Session()
    session.open(clip_file, SHORT)
    return session


def last(turns):
    return list(turns)[-1]


def test_an_answer_grows_and_equals_the_one_without_a_page(opened, assistant, clip_file):
    seen = list(opened.ask(assistant, "What moves?", SHORT))
    texts = [turn.text for turn in seen]
    assert [turn.status for turn in seen[:1] + seen[-1:]] == ["waiting", "done"]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert texts[-1] == assistant.ask(clip_file, "What moves?", max_new_tokens=6).text


def test_an_answer_says_what_it_is_based_on(opened, assistant):
    turn = last(opened.ask(assistant, "What moves?", Settings(num_frames=3, max_new_tokens=2)))
    assert turn.seen[0].num_frames == 3
    assert turn.heard[0].status == "present"
    assert turn.seconds > 0


def test_the_second_question_knows_the_first(opened, assistant, clip_file):
    last(opened.ask(assistant, "What moves?", SHORT))
    second = last(opened.ask(assistant, "And then?", SHORT))
    conversation = assistant.chat(clip_file, max_new_tokens=6)
    conversation.ask("What moves?")
    assert second.text == conversation.ask("And then?").text
    assert [turn.question for turn in opened.turns] == ["What moves?", "And then?"]


def test_other_settings_keep_the_conversation(opened, assistant):
    last(opened.ask(assistant, "What moves?", SHORT))
    turn = last(opened.ask(assistant, "And then?", Settings(num_frames=2, max_new_tokens=2)))
    assert len(turn.messages_before) == 2
    assert turn.seen[0].num_frames == 2


def test_a_stopped_answer_ends_early_and_the_next_one_is_whole(opened, assistant):
    answer = opened.ask(assistant, "What moves?", Settings(max_new_tokens=200))
    for turn in answer:
        if turn.text:
            opened.stop()
    assert turn.status == "stopped"
    assert 0 < len(turn.text) < 100
    assert last(opened.ask(assistant, "And then?", SHORT)).status == "done"


def test_another_attempt_replaces_the_last_answer_with_other_words(opened, assistant):
    first = last(opened.ask(assistant, "What moves?", SHORT))
    second = last(opened.retry(assistant, SHORT))
    third = last(opened.retry(assistant, SHORT))
    assert len(opened.turns) == 1
    assert (second.attempt, third.attempt) == (1, 2)
    assert len({first.text, second.text, third.text}) > 1


def test_the_sound_can_be_left_out(opened, assistant):
    turn = last(opened.ask(assistant, "What?", Settings(use_sound=False, max_new_tokens=2)))
    assert turn.heard == ()
    assert opened.look(Settings(use_sound=False)).waveform is None


def test_a_sound_file_is_heard_whatever_the_setting(assistant, tmp_path):
    session, mute = Session(), Settings(use_sound=False, max_new_tokens=2)
    assert session.open(write_sound(tmp_path / "a.wav"), mute).kind == "audio"
    assert last(session.ask(assistant, "What?", mute)).heard[0].status == "present"


def test_a_picture_is_shown_in_its_own_shape(tmp_path):
    clip = Session().open(write_picture(tmp_path / "a.png", size=(64, 96)), SHORT)
    assert clip.frames.shape[1] < clip.frames.shape[2]


def test_another_file_begins_another_conversation(opened, assistant, mute_file):
    last(opened.ask(assistant, "What moves?", SHORT))
    opened.open(mute_file, SHORT)
    assert opened.turns == []
    assert last(opened.ask(assistant, "And here?", SHORT)).messages_before == ()


def test_a_file_that_cannot_be_used_leaves_none(opened, bad_files):
    with pytest.raises(MediaError):
        opened.open(bad_files["text"], SHORT)
    assert opened.file is None


@pytest.mark.parametrize("settings", [Settings(start_seconds=60), Settings(end_seconds=-1)])
def test_a_setting_that_does_not_fit_leaves_no_half_turn(opened, assistant, settings):
    with pytest.raises(InputError):
        last(opened.ask(assistant, "What?", settings))
    assert opened.turns == []


def test_what_is_missing_is_said(assistant, opened):
    with pytest.raises(InputError, match="No file is chosen"):
        last(Session().ask(assistant, "What?", SHORT))
    with pytest.raises(InputError, match="question is empty"):
        last(opened.ask(assistant, "  ", SHORT))
    with pytest.raises(InputError, match="Nothing was asked"):
        last(opened.retry(assistant, SHORT))


def test_every_visitor_gets_a_copy():
    session = Session()
    twin = copy.deepcopy(session)
    twin.turns.append("a turn")
    assert session.turns == []
