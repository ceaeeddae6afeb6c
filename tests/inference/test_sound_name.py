import pytest

from videollama.inference.sound_name import sound_name


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("I hear a dog barking.", "dog barking"),
        ("I hear rain falling.", "rain falling"),
        ("You can hear the sound of an engine. It is loud.", "engine"),
        ("Church bells ringing", "Church bells ringing"),
        ("The audio is silent, so I do not hear anything.", None),
        ("The clip has no audio track, so I cannot hear anything.", None),
        ("There is no picture, so I cannot see anything.", None),
        (" . ", None),
    ],
)
def test_a_sound_is_called_by_its_name(answer, name):
    assert sound_name(answer) == name
