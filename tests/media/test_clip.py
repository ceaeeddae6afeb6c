from pathlib import Path

import pytest

from videollama.media.clip import Clip, MediaInfo


@pytest.mark.parametrize(
    ("kind", "status", "fact"),
    [
        ("video", "present", "there is sound"),
        ("video", "silent", "the sound track is silent"),
        ("video", "absent", "video has no audio track"),
        ("image", "absent", "an image has no sound"),
        ("video", "undecodable", "audio track could not be decoded"),
        ("video", "not_requested", "sound was not read"),
    ],
)
def test_every_state_of_the_sound_has_its_own_words(kind, status, fact):
    path = Path("a.mp4")
    assert Clip(path, kind, audio_status=status).audio_fact == fact
    assert MediaInfo(path, kind, "mov", 1.0, audio_status=status).audio_fact == fact
