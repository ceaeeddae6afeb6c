from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videollama.applications.analysis import Analysis, Segment, SoundEvent
from videollama.applications.subtitles import Cue, subtitle_cues
from videollama.errors import InputError
from videollama.inference.segments import Statement


def film(segments, sounds=(), rate=25.0):
    """An analysis of (start, end, description) and (start, end, sound)."""
    return Analysis(
        path="a.mp4",
        kind="video",
        duration_seconds=segments[-1][1],
        frames_per_second=rate,
        audio_status="present",
        segments=tuple(
            Segment(start, end, 1, Statement(text, 0.5) if text else None)
            for start, end, text in segments
        ),
        sounds=tuple(SoundEvent(start, end, name, 0.5) for start, end, name in sounds),
    )


def told(*arguments):
    return [
        (cue.start_seconds, cue.end_seconds, cue.text) for cue in subtitle_cues(film(*arguments))
    ]


def test_a_description_is_shown_when_its_segment_begins():
    assert told([(0, 8, "A man is singing."), (8, 12, "A dog runs.")]) == [
        (0.0, 3.0, "A man is singing."),
        (8.0, 11.0, "A dog runs."),
    ]


def test_a_sound_is_shown_in_brackets_when_it_begins():
    assert told([(0, 10, "A man is singing.")], [(6.5, 9, "dog barking")]) == [
        (0.0, 3.0, "A man is singing."),
        (6.5, 9.5, "[dog barking]"),
    ]


def test_a_sound_at_the_beginning_goes_first():
    cues = told([(0, 10, "A man is singing.")], [(0.2, 9, "dog barking")])
    assert [text for _, _, text in cues] == ["[dog barking]", "A man is singing."]


def test_a_transcript_is_kept_and_the_rest_stands_in_its_pauses():
    said = [Cue(0.0, 2.0, "Good morning."), Cue(3.1, 5.0, "See the dog.")]
    analysis = film([(0, 12, "A man is singing.")], [(3.5, 4, "dog barking")])
    cues = subtitle_cues(analysis, said)
    assert [cue.text for cue in cues] == [
        "Good morning.",
        "See the dog.",
        "A man is singing.",
        "[dog barking]",
    ]
    assert [cue for cue in cues if cue in said] == said
    assert all(before.end_seconds < after.start_seconds for before, after in pairwise(cues))


def test_where_somebody_always_speaks_there_is_no_room():
    said = [Cue(float(second), second + 0.9, "Go on.") for second in range(12)]
    assert subtitle_cues(film([(0, 12, "A man is singing.")]), said) == said


def test_what_is_said_again_is_not_shown_again():
    segments = [(0, 8, "A dog runs."), (8, 16, "A dog runs."), (16, 20, "A cat.")]
    assert [text for _, _, text in told(segments)] == ["A dog runs.", "A cat."]


def test_what_cannot_be_read_in_time_is_cut_off():
    text = "A man in a red shirt is sitting on a brown couch."
    [(_, _, shown)] = told([(0, 2, text)])
    assert shown == "A man in a red shirt is sitting…"


def test_a_long_answer_goes_on_in_further_subtitles():
    text = " ".join(f"word{number}" for number in range(20))
    cues = told([(0, 16, text)])
    assert len(cues) == 2
    assert " ".join(shown.replace("\n", " ") for _, _, shown in cues) == text


def test_markup_is_taken_for_text():
    [(_, _, shown)] = told([(0, 8, "{\\an8}A <b>man</b>\nis here.")])
    assert shown == "(/an8)A (b)man(/b) is here."


def test_nothing_seen_or_heard_gives_no_subtitles():
    assert told([(0, 8, None)]) == []


def test_a_film_of_one_frame_has_one_that_can_be_read():
    assert told([(0, 0.04, "A dog.")]) == [(0.0, 1.0, "A dog.")]


def test_a_picture_has_no_subtitles():
    still = replace(film([(0, 0, "A dog.")]), kind="image")
    with pytest.raises(InputError, match=r"a\.mp4 is a picture"):
        subtitle_cues(still)


lengths = st.lists(st.floats(2, 16), min_size=1, max_size=6)
sentences = st.text(st.sampled_from("abcde fgh, "), max_size=200)


@given(lengths, st.data(), st.sampled_from([None, 1.0, 23.976, 25.0, 60.0]))
def test_every_subtitle_can_be_read(lengths, data, rate):
    bounds = [sum(lengths[:count]) for count in range(len(lengths) + 1)]
    segments = [(*pair, data.draw(sentences)) for pair in pairwise(bounds)]
    onsets = sorted(data.draw(st.lists(st.floats(0, bounds[-1]), max_size=6)))
    sounds = [(onset, onset + 1, data.draw(sentences) or "x") for onset in onsets]
    cues = subtitle_cues(film(segments, sounds, rate))
    for cue in cues:
        length = cue.end_seconds - cue.start_seconds
        lines = cue.text.split("\n")
        assert 1 - 1e-9 <= length <= 7 + 1e-9
        assert len(lines) <= 2
        assert all(0 < len(line) <= 42 for line in lines)
        assert len(cue.text) <= 17 * length + 1e-6
        assert cue.start_seconds * 100 == pytest.approx(round(cue.start_seconds * 100))
    for before, after in pairwise(cues):
        assert after.start_seconds - before.end_seconds >= 2 / max(rate or 24, 24) - 1e-9
