"""Looks at regular times, alerts that are sure, answers beside, and one sentence at a bad end."""

from itertools import cycle

import pytest

from tests.live.scripted_source import ScriptedSource
from videollama.errors import InputError, MediaError
from videollama.inference.engine import CAPTION_REQUEST
from videollama.inference.segments import HEARING_QUESTION
from videollama.live import watch
from videollama.live.watch import Watch


@pytest.fixture
def film(monkeypatch):
    """What is watched instead of a source of this name."""
    monkeypatch.setattr(watch, "LiveSource", ScriptedSource)
    return "film.mp4"


@pytest.fixture
def scripted(monkeypatch):
    """Lets the model answer from a script; gives what it was asked."""
    asked = []

    def let_say(**answers):
        scripts = {name: cycle(texts) for name, texts in answers.items()}

        def answer(self, pairs, words):
            questions = [question for question, _ in pairs]
            asked.append(questions)
            names = {CAPTION_REQUEST: "seen", HEARING_QUESTION: "heard"}
            return [next(scripts[names.get(question, "other")]) for question in questions]

        monkeypatch.setattr(Watch, "_answers", answer)
        return asked

    return let_say


def test_the_model_looks_at_regular_times_and_once_more_at_the_end(assistant, film):
    sights = list(Watch(assistant, film, every_seconds=2.0))
    looks = [sight for sight in sights if sight.kind == "look"]
    assert [look.time_seconds for look in looks] == [2.0, 4.0, 6.0, 6.0]
    assert all(look.seen is not None and look.heard is not None for look in looks)
    assert all(look.took_seconds > 0 for look in looks)


def test_an_alert_wants_two_looks_in_a_row_and_is_given_once(assistant, film, scripted):
    said = ["Yes, a dog.", "No.", "Yes, a dog.", "Yes, a dog.", "Yes, a dog.", "No."]
    asked = scripted(seen=["A dog."], heard=["A tone."], other=said)
    watching = Watch(assistant, film, alerts=[" a dog "], every_seconds=1.0)
    alerts = [sight for sight in watching if sight.kind == "alert"]
    assert [(alert.alert, alert.text) for alert in alerts] == [("a dog", "Yes, a dog.")]
    assert alerts[0].time_seconds == 4.0
    assert asked[0] == [CAPTION_REQUEST, HEARING_QUESTION, "Is there a dog in the video?"]


def test_an_alert_may_be_a_question(assistant, film, scripted):
    asked = scripted(seen=["x"], heard=["x"], other=["no"])
    list(Watch(assistant, film, alerts=["Is it dark?"]))
    assert asked[0][-1] == "Is it dark?"


def test_a_question_is_answered_between_the_looks(assistant, film, scripted):
    scripted(seen=["x"], heard=["x"], other=["A square."])
    watching = Watch(assistant, film, every_seconds=2.0)
    sights = []
    for sight in watching:
        if not sights:
            watching.ask("What is it?")
        sights.append(sight)
    answer = next(sight for sight in sights if sight.kind == "answer")
    assert (answer.question, answer.text) == ("What is it?", "A square.")
    assert sights.index(answer) == 1


def test_looks_for_which_there_is_no_time_are_left_out_and_counted(
    assistant, film, scripted, monkeypatch
):
    monkeypatch.setattr(ScriptedSource, "late_by", 2.5)
    scripted(seen=["x"], heard=["x"])
    watching = Watch(assistant, film, every_seconds=1.0)
    told = [sight.text for sight in watching if sight.kind == "source"]
    assert told == ["looks left out for want of time: 2."] * 2
    assert watching.num_missed_looks == 4


def test_a_source_without_sound_is_not_asked_what_is_heard(assistant, film, scripted, monkeypatch):
    monkeypatch.setattr(ScriptedSource, "has_sound", False)
    asked = scripted(seen=["x"])
    list(Watch(assistant, film))
    assert asked == [[CAPTION_REQUEST]] * 2


def test_news_of_the_source_is_told(assistant, film, scripted):
    scripted(seen=["x"], heard=["x"])
    watching = Watch(assistant, film)
    watching._source.tell("film.mp4 is lost: it ended; trying again in 1 s.")
    first = next(iter(watching))
    assert (first.kind, first.text) == (
        "source",
        "film.mp4 is lost: it ended; trying again in 1 s.",
    )


def test_a_source_that_cannot_be_read_ends_with_its_reason(assistant):
    with pytest.raises(MediaError, match="cannot be read"):
        list(Watch(assistant, "http://127.0.0.1:9/stream"))


@pytest.mark.parametrize("wrong", [{"every_seconds": 0.0}, {"memory_seconds": float("nan")}])
def test_impossible_times_are_refused(assistant, film, wrong):
    with pytest.raises(InputError, match=r"must be from 0\.1 to 3600"):
        Watch(assistant, film, **wrong)


def test_an_empty_alert_is_refused(assistant, film):
    with pytest.raises(InputError, match="An alert is empty"):
        Watch(assistant, film, alerts=[" "])


def test_a_frame_is_encoded_once_for_all_that_is_asked(assistant, film, monkeypatch):
    shown = []
    encode = assistant.model.encode_frames

    def counting(pixel_values):
        shown.append(len(pixel_values))
        return encode(pixel_values)

    monkeypatch.setattr(assistant.model, "encode_frames", counting)
    list(Watch(assistant, film, alerts=["a dog", "a cat"], every_seconds=6.0, num_frames=4))
    assert shown == [4, 4]
