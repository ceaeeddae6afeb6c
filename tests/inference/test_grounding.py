from dataclasses import replace

import pytest

from tests.synthetic import write_picture
from videollama.inference import grounding
from videollama.inference.grounding import claimed_sound, flags_of, named_things
from videollama.inference.messages import question_message
from videollama.media.decode import read_clip


@pytest.fixture
def clip(clip_file):
    return read_clip(clip_file)


@pytest.fixture
def sure_of(monkeypatch):
    """Sets how likely yes is, by the thing that is asked for."""

    def sure_of(**likelihoods):
        def scripted(encoder, shown, questions):
            assert len(shown) == len(questions)
            words = [question.removeprefix("Is there ").split()[1] for question in questions]
            return [likelihoods[word] for word in words]

        monkeypatch.setattr(grounding, "yes_likelihoods", scripted)

    return sure_of


def flags(assistant, clips, question, answer):
    messages = [question_message(question, clips)]
    return flags_of(assistant.encoder, messages, clips, answer)


@pytest.mark.parametrize(
    ("answer", "things"),
    [
        ("A dog runs.", {"dog"}),
        ("There is nothing to see.", set()),
        ("I see no dogs, but a boat.", {"boat"}),
    ],
)
def test_things_that_an_answer_names(answer, things):
    assert named_things(answer) == things


@pytest.mark.parametrize(
    ("question", "answer", "sound"),
    [
        ("What do you hear?", "I hear a dog barking.", "dog barking"),
        ("What do you hear?", "A kettle.", "A kettle"),
        ("Do you hear a dog?", "Yes.", "a dog barking"),
        ("Is there any sound?", "Yes.", "any"),
        ("What happens?", "A man runs. I hear rain falling.", "rain falling"),
        ("What happens, and what do you hear?", "A man is walking.", None),
        ("What do you see?", "A dog is barking at a train.", None),
        ("What do you hear?", "The clip has no audio track, so I cannot hear anything.", None),
        ("What do you hear?", "The audio is silent, so I do not hear anything.", None),
        ("Do you hear a dog?", "No, I do not hear a dog.", None),
        ("What do you hear?", "I cannot tell.", None),
    ],
)
def test_which_sound_an_answer_says_is_heard(question, answer, sound):
    assert claimed_sound(question, answer) == sound


@pytest.mark.parametrize("status", ["absent", "silent", "undecodable", "not_requested"])
def test_a_sound_is_flagged_where_none_was_heard(assistant, clip, status):
    mute = replace(clip, audio_status=status, waveform=None)
    [flag] = flags(assistant, [mute], "What do you hear?", "I hear a dog barking.")
    assert (flag.kind, flag.name, flag.reason) == ("sound", "dog barking", status)
    assert flag.sentence.startswith("The answer names a sound (dog barking), but ")
    assert not flags(assistant, [clip], "What do you hear?", "I hear a dog barking.")
    assert not flags(assistant, [mute, clip], "What do you hear?", "I hear a dog barking.")


def test_a_thing_is_flagged_where_the_model_does_not_say_yes_again(assistant, clip, sure_of):
    sure_of(dog=0.9, boat=0.2)
    found = flags(assistant, [clip], "What do you see?", "A dog jumps off a boat.")
    assert [(flag.kind, flag.name, flag.likelihood) for flag in found] == [
        ("object", "a boat", 0.2)
    ]
    assert "unlikely (20 %)" in found[0].sentence
    assert not flags(assistant, [clip], "What do you see?", "I see no boat.")
    assert not flags(assistant, [clip], "What do you hear?", "A boat.")


def test_a_thing_may_be_in_any_of_the_files(assistant, clip, tmp_path, monkeypatch):
    picture = read_clip(write_picture(tmp_path / "a.png"))
    asked = []

    def scripted(encoder, shown, questions):
        asked.extend(questions)
        return [0.1, 0.8]

    monkeypatch.setattr(grounding, "yes_likelihoods", scripted)
    assert not flags(assistant, [clip, picture], "What?", "A boat.")
    assert asked == ["Is there a boat in the video?", "Is there a boat in the picture?"]


def test_answers_are_checked_only_where_that_is_asked_for(assistant, clip_file):
    plain = assistant.ask(clip_file, "What?", max_new_tokens=4)
    assert plain.flags is None
    assert "flags" not in plain.to_dict()
    checked = assistant.ask(clip_file, "What?", check=True, max_new_tokens=4)
    assert (checked.text, checked.flags, checked.to_dict()["flags"]) == (plain.text, (), [])
