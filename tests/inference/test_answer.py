import json
from pathlib import Path

import torch

from videollama.inference.answer import (
    Answer,
    Captioned,
    Timings,
    what_was_heard,
    what_was_seen,
)
from videollama.media.clip import Clip

VIDEO = Clip(
    path=Path("a.mp4"),
    kind="video",
    frames=torch.zeros(2, 4, 4, 3, dtype=torch.uint8),
    frame_times_seconds=(0.0, 0.5),
    waveform=torch.zeros(1, 32_000),
    audio_status="silent",
)
PICTURE = Clip(
    path=Path("a.png"),
    kind="image",
    frames=torch.zeros(1, 4, 4, 3, dtype=torch.uint8),
    frame_times_seconds=(0.0,),
    audio_status="absent",
)
SOUND = Clip(
    path=Path("a.wav"), kind="audio", waveform=torch.ones(2, 16_000), audio_status="present"
)


def test_seen_are_the_files_with_a_picture():
    seen = what_was_seen([VIDEO, SOUND, PICTURE])
    assert [(each.path, each.num_frames) for each in seen] == [("a.mp4", 2), ("a.png", 1)]


def test_heard_are_the_files_that_could_have_sound():
    heard = what_was_heard([VIDEO, SOUND, PICTURE])
    assert [(each.status, each.duration_seconds) for each in heard] == [
        ("silent", 2.0),
        ("present", 1.0),
    ]


def test_an_answer_survives_json_and_prints_as_its_text():
    timings = Timings(read_seconds=0.25, generate_seconds=0.5, num_new_tokens=5)
    answer = Answer("A dog.", what_was_seen([VIDEO]), what_was_heard([VIDEO]), timings)
    back = json.loads(json.dumps(answer.to_dict()))
    assert str(answer) == back["text"] == "A dog."
    assert back["timings"]["total_seconds"] == 0.75
    assert timings.tokens_per_second == 10.0
    assert back["seen"][0]["times_seconds"] == [0.0, 0.5]


def test_a_caption_line_holds_either_a_caption_or_an_error():
    good = Captioned("a.mp4", answer=Answer("A dog.")).to_dict()
    bad = Captioned("b.mp4", error="b.mp4 is empty.").to_dict()
    assert (good["path"], good["caption"]) == ("a.mp4", "A dog.")
    assert "error" not in good
    assert bad == {"path": "b.mp4", "error": "b.mp4 is empty."}
