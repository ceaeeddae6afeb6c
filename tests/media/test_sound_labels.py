import pytest

from videollama.media.sound_labels import (
    SOUND_LABELS,
    named_sounds,
    says_no_audio_track,
    says_silence,
)


def test_there_are_the_fifty_classes():
    assert len(SOUND_LABELS) == 50
    assert SOUND_LABELS["crying baby"].phrase == "a baby crying"


@pytest.mark.parametrize("label", sorted(SOUND_LABELS))
def test_every_label_phrase_and_wording_names_its_class_and_no_other(label):
    entry = SOUND_LABELS[label]
    for wording in (label, entry.phrase, *entry.accepted):
        assert named_sounds(f"I hear {wording}.") == {label}, wording


@pytest.mark.parametrize(
    ("answer", "labels"),
    [
        ("A DOG, barking!", {"dog"}),
        ("Dogs bark while a baby cries.", {"dog", "crying baby"}),
        ("I hear a hot dogma.", set()),
        ("I hear nothing.", set()),
        ("", set()),
        ("an alarm clock", {"clock alarm"}),
        ("a rooster crowing", {"rooster"}),
    ],
)
def test_named_sounds(answer, labels):
    assert named_sounds(answer) == labels


@pytest.mark.parametrize(
    ("answer", "labels"),
    [
        ("I do not hear a dog.", set()),
        ("I don't hear a dog, a cat or rain.", set()),
        ("I can\u2019t hear any birds", set()),
        ("There is no siren and no train.", set()),
        ("Rain without thunder.", {"rain"}),
        ("I hear rain, but no dog.", {"rain"}),
        ("I do not hear a dog, I hear rain.", {"rain"}),
        ("There is no dog. Rain is falling.", {"rain"}),
        ("It is not a dog but a cat meowing.", {"cat"}),
        ("No, a dog barking.", {"dog"}),
        ("No sound but a dog barking.", {"dog"}),
        ("Nothing but rain.", {"rain"}),
    ],
)
def test_a_sound_that_is_denied_is_not_named(answer, labels):
    assert named_sounds(answer) == labels


@pytest.mark.parametrize(
    ("answer", "no_track", "silence"),
    [
        ("The video has no audio track.", True, True),
        ("No. The clip has no audio track, so I cannot hear anything.", True, True),
        ("The audio is silent, so I do not hear anything.", False, True),
        ("There is no sound.", True, True),
        ("Nothing, the track is silent.", False, True),
        ("I do not hear anything.", False, True),
        ("No sound but a dog barking.", False, False),
        ("A dog barking.", False, False),
        ("No.", False, False),
        ("", False, False),
    ],
)
def test_what_counts_as_saying_that_there_is_no_sound(answer, no_track, silence):
    assert says_no_audio_track(answer) is no_track
    assert says_silence(answer) is silence
