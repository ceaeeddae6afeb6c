import pytest

from videollama.media.sound_labels import SOUND_LABELS, named_sounds


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
