import json

import pytest

from tests.synthetic import two_scenes, write_clip, write_frames, write_picture, write_sound
from videollama.applications.analysis import analyze
from videollama.errors import InputError, MediaError
from videollama.inference import segments
from videollama.inference.answer import Answer, Captioned
from videollama.inference.segments import HEARING_QUESTION


class Talking:
    """Answers from a list, and remembers what it was asked about."""

    def __init__(self, processor, hears=("I hear a dog barking.",)):
        self.processor = processor
        self.hears, self.asked = list(hears), []

    def caption(self, clips, *, question, with_confidence, **_):
        assert with_confidence
        for clip in clips:
            self.asked.append((question, clip))
            text = "Two men are singing."
            if question == HEARING_QUESTION:
                text = self.hears.pop(0) if len(self.hears) > 1 else self.hears[0]
            yield Captioned(str(clip.path), Answer(text, confidence=0.25))


@pytest.fixture
def talking(tiny_processor):
    return Talking(tiny_processor)


def test_every_scene_is_described_and_listened_to(talking, tmp_path):
    path = write_clip(tmp_path / "a.mp4", seconds=4.0)
    [segment] = analyze(talking, path).segments
    assert (segment.seen.text, segment.seen.confidence) == ("Two men are singing.", 0.25)
    assert segment.heard.text == "I hear a dog barking."
    assert (segment.action, segment.people_count, segment.scene) == ("singing", 2, 1)
    (_, picture), (_, sound) = talking.asked
    assert (picture.kind, picture.waveform) == ("video", None)
    assert (sound.kind, sound.frames) == ("audio", None)


def test_the_model_itself_answers_with_its_confidence(assistant, tmp_path):
    path = write_frames(tmp_path / "a.mp4", two_scenes(50))
    found = analyze(assistant, path, batch_size=1)
    assert [segment.scene for segment in found.segments] == [1, 2]
    assert found.num_scenes == 2
    assert all(0 < segment.seen.confidence < 1 for segment in found.segments)
    [first, _] = found.segments
    assert first.end_seconds == pytest.approx(2.5, abs=0.15)
    assert first.thumbnail.startswith(b"\xff\xd8")


def test_batches_do_not_change_the_answers(assistant, tmp_path):
    path = write_frames(tmp_path / "a.mp4", two_scenes(50))
    one, many = (analyze(assistant, path, batch_size=size).segments for size in (1, 4))
    assert [segment.seen.text for segment in one] == [segment.seen.text for segment in many]


@pytest.mark.parametrize(
    ("sound", "status"), [("silence", "silent"), (None, "absent")], ids=["silence", "no track"]
)
def test_what_cannot_be_heard_is_not_asked_for(talking, tmp_path, sound, status):
    found = analyze(talking, write_clip(tmp_path / "a.mp4", sound=sound))
    assert found.audio_status == status
    assert [segment.heard for segment in found.segments] == [None]
    assert HEARING_QUESTION not in [question for question, _ in talking.asked]


def test_a_sound_file_is_only_listened_to(talking, tmp_path):
    found = analyze(talking, write_sound(tmp_path / "a.wav", 3.0))
    assert (found.kind, found.num_scenes) == ("audio", 0)
    [segment] = found.segments
    assert (segment.seen, segment.thumbnail, segment.people_count) == (None, None, None)
    [event] = found.sounds
    assert (event.name, event.confidence) == ("dog barking", 0.25)
    assert (event.start_seconds, event.end_seconds) == (0.0, pytest.approx(3.0, abs=0.11))


def test_a_sound_that_goes_on_is_one_event(tiny_processor, tmp_path):
    barks, rains = "I hear a dog barking.", "I hear rain falling."
    talking = Talking(tiny_processor, [barks, barks, rains])
    found = analyze(talking, write_sound(tmp_path / "a.wav", 40.0), batch_size=2)
    assert len(found.segments) == 3
    assert [event.name for event in found.sounds] == ["dog barking", "rain falling"]
    first, second = found.sounds
    assert first.end_seconds == pytest.approx(80 / 3, abs=0.2)
    assert second.start_seconds == pytest.approx(80 / 3, abs=0.2)


def test_an_answer_that_nothing_is_heard_is_no_event(tiny_processor, tmp_path):
    talking = Talking(tiny_processor, ["The audio is silent, so I do not hear anything."])
    found = analyze(talking, write_sound(tmp_path / "a.wav"))
    assert found.sounds == ()
    assert [segment.heard for segment in found.segments] == [None]


def test_one_frame_and_a_picture_are_one_segment(talking, tmp_path):
    frame = write_frames(tmp_path / "a.mp4", two_scenes(1))
    picture = write_picture(tmp_path / "a.png")
    for path in (frame, picture):
        [segment] = analyze(talking, path).segments
        assert segment.seen is not None
        assert segment.end_seconds < 0.2


def test_it_is_told_how_far_it_is(talking, tmp_path):
    told = []
    path = write_sound(tmp_path / "a.wav", 40.0)
    analyze(talking, path, batch_size=2, on_progress=lambda *numbers: told.append(numbers))
    assert told == [(0, 3), (2, 3), (3, 3)]


def test_no_more_than_a_batch_is_open_at_a_time(talking, tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", seconds=50.0, frames_per_second=2, size=(16, 16))
    events = []
    read, ask = segments.read_pictures, talking.caption
    monkeypatch.setattr(segments, "read_pictures", lambda *a: events.append("open") or read(*a))
    monkeypatch.setattr(
        talking, "caption", lambda clips, **o: events.append("ask") or ask(clips, **o)
    )
    analyze(talking, path, batch_size=2)
    assert events == ["open", "open", "ask", "ask"] * 2


def test_it_can_be_written_as_json(talking, tmp_path):
    found = analyze(talking, write_clip(tmp_path / "a.mp4")).to_dict()
    again = json.loads(json.dumps(found))
    assert again == found
    assert again["segments"][0]["seen"] == {"text": "Two men are singing.", "confidence": 0.25}
    assert "thumbnail" not in again["segments"][0]


def test_numbers_that_make_no_sense_and_bad_files_are_refused(talking, tmp_path):
    with pytest.raises(InputError, match="num_frames is 0"):
        analyze(talking, write_sound(tmp_path / "a.wav"), num_frames=0)
    with pytest.raises(MediaError, match=r"missing\.mp4"):
        analyze(talking, tmp_path / "missing.mp4")
