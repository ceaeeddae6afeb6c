import json

import pytest

from tests.training.datasets.folders import VIDEO_CHAT, conversations
from tests.training.datasets.reading import read
from videollama.training.datasets.conversations import as_entry, read_sample
from videollama.training.datasets.record import Medium, Place, Sample, Turn


def test_the_styles_of_llava_and_qwen_are_read(tmp_path):
    (llava, several, parts), broken = read(conversations(tmp_path / "mine"))
    assert broken == {}
    assert llava.turns == (Turn("<video>\nWhat moves?", "A square."),)
    assert [(medium.kind, medium.path.name) for medium in several.media] == [
        ("video", "a.mp4"),
        ("image", "b.png"),
    ]
    assert (several.system, several.split) == ("Be brief.", "val")
    assert parts.media == (Medium("audio", tmp_path / "mine" / "c.wav"),)
    assert parts.turns == (Turn("<audio>What is heard?", "A tone."),)


def test_what_is_written_reads_back_the_same(tmp_path):
    place = Place("a.json, item 3", "val", tmp_path)
    media = (
        Medium("audio", tmp_path / "c.wav"),
        Medium("audio", tmp_path.parent / "elsewhere.wav"),
    )
    turns = (Turn("<audio>\n<audio>\nAlike?", "No."), Turn("Why?", "一个是狗。"))
    whole = Sample(media, turns, "val", "a.json, item 3", "Be brief.")
    part = Sample(
        (Medium("video", tmp_path / "a.mp4", 0.5, 2.0),), (Turn("<video>", "A."),), "val", "x"
    )
    for sample in (whole, part):
        entry = json.loads(json.dumps(as_entry(sample, tmp_path)))
        back = read_sample(entry, Place(sample.origin, "train", place.media))
        assert back == sample
    assert as_entry(whole, tmp_path)["audio"] == ["c.wav", str(tmp_path.parent / "elsewhere.wav")]


def test_llava_video_data_call_a_video_an_image(tmp_path):
    talk = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A dog."}]
    sample = read_sample({"video": "a.mp4", "conversations": talk}, Place("x", "train", tmp_path))
    assert sample.turns[0].question == "<video>\nWhat?"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"video": None}, "names no video, picture or sound"),
        ({"video": 7}, "field 'video' holds no file names: 7"),
        (
            {"video": ["a.mp4", "b.mp4"]},
            "names 2 of the kind video, but its questions hold <video>",
        ),
        ({"conversations": "none"}, "field 'conversations' is no list of messages: 'none'"),
        ({"conversations": VIDEO_CHAT[:1]}, "ends with a question that has no answer"),
        ({"conversations": VIDEO_CHAT[1:]}, "message 1 is the assistant's; it is the user's turn"),
        ({"conversations": ["What?"]}, "message 1 is no object: 'What?'"),
        ({"conversations": [{"from": "bot", "value": ""}]}, "message 1 is by 'bot'; known are"),
        ({"conversations": [{"from": "human"}]}, "message 1 holds no text: None"),
        (
            {"conversations": [{"from": "human", "value": [{"type": "box"}]}]},
            "message 1 has a part that is neither text nor a file",
        ),
        (
            {"conversations": [VIDEO_CHAT[0], {"from": "gpt", "value": " "}]},
            "answer 1 is empty",
        ),
        ({"image": "b.png", "start": 1}, "has 'start' or 'end', but 2 media instead of one"),
    ],
)
def test_a_broken_conversation_is_named(tmp_path, changes, reason):
    good = {"video": "a.mp4", "conversations": VIDEO_CHAT}
    lines = [json.dumps(good), json.dumps({**good, **changes}), "{not json", "[1]", ""]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    samples, broken = read(tmp_path)
    assert len(samples) == 1
    assert broken["data.jsonl, line 2"].startswith(reason)
    assert broken["data.jsonl, line 3"].startswith("is no JSON: ")
    assert broken["data.jsonl, line 4"] == "is no object: [1]"
