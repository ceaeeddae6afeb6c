import json

import pytest

from tests.training.datasets.folders import videochat
from tests.training.datasets.reading import read
from videollama.training.datasets.record import Turn


def test_an_item_is_a_conversation(tmp_path):
    (first, part), broken = read(videochat(tmp_path / "videochat"))
    assert broken == {}
    assert first.system == "Watch closely."
    assert first.turns == (
        Turn("<video>\nWhat happens?", "A square moves."),
        Turn("Where to?", "To the right."),
    )
    assert part.turns == (Turn("<video>", "A yellow square."),)
    assert (part.media[0].start_seconds, part.media[0].end_seconds) == (0.5, 1.5)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"video": "a.mp4", "QA": "none"}, "field 'QA' is no list of questions and answers"),
        ({"video": "a.mp4", "QA": [{"q": "What?"}]}, "has no field 'a', only q"),
        ({"video": "a.mp4", "QA": [{"a": "A dog."}]}, "has no field 'q', only a"),
        ({"video": "a.mp4", "QA": []}, "has no question and answer"),
        ({"QA": [{"q": "What?", "a": "A dog."}]}, "has no field 'video', only QA"),
        (
            {"video": "a.mp4", "QA": [{"q": "What?", "a": "A dog."}], "start": 3, "end": 2},
            "means the part from 3.0 to 2.0 s, which is none",
        ),
        (
            {"video": "a.mp4", "QA": [{"q": "What?", "a": "A dog."}], "start": "early"},
            "field 'start' is no number of seconds: 'early'",
        ),
    ],
)
def test_a_broken_item_is_named(tmp_path, item, reason):
    good = {"image": "b.png", "QA": [{"q": "What?", "a": "A cat."}]}
    (tmp_path / "data.json").write_text(json.dumps([good, item]))
    (sample,), broken = read(tmp_path)
    assert sample.media[0].kind == "image"
    assert list(broken) == ["data.json, item 2"]
    assert broken["data.json, item 2"].startswith(reason)
