from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.applications.test_analysis import Talking
from tests.synthetic import two_scenes, write_clip, write_frames, write_picture, write_sound
from videollama.applications import highlights
from videollama.applications.highlights import Moment, choose, find_highlights
from videollama.errors import InputError, MediaError


def moment(start, end, score):
    return Moment(start, end, score, score, 0.0, (), None, None)


def spans(moments):
    return [(each.start_seconds, each.end_seconds) for each in moments]


def test_the_best_moments_are_taken_in_the_order_of_the_film():
    film = [moment(0, 5, 1.5), moment(5, 9, -1), moment(9, 12, 2), moment(12, 20, 1.2)]
    assert spans(choose(film, 8)) == [(0, 5), (9, 12)]
    assert spans(choose(film, 16)) == [(0, 5), (9, 12), (12, 20)]


def test_of_a_moment_that_does_not_fit_the_beginning_is_taken():
    film = [moment(0, 5, 0.5), moment(5, 9, 1)]
    assert spans(choose(film, 3)) == [(5, 8)]
    assert spans(choose(film, 7)) == [(0, 3), (5, 9)]
    assert spans(choose(film, 5)) == [(5, 9)]  # what is left would be less than two seconds


def test_a_moment_that_is_hardly_too_long_is_taken_whole():
    assert spans(choose([moment(0, 5.1, 1), moment(5.1, 10, 2)], 9.9)) == [(0, 5.1), (5.1, 10)]


def test_what_is_not_half_as_good_as_the_best_is_left_out():
    film = [moment(0, 5, 0.9), moment(5, 9, 2), moment(9, 12, 1)]
    assert spans(choose(film, 30)) == [(5, 9), (9, 12)]


def test_what_is_no_better_than_the_average_is_left_out_but_for_the_best():
    assert spans(choose([moment(0, 5, 0.0), moment(5, 10, 0.0)], 10)) == [(0, 5)]


lengths = st.lists(st.tuples(st.floats(2, 16), st.floats(-3, 3)), min_size=1, max_size=12)


@given(lengths, st.floats(0.1, 60))
def test_the_moments_never_overlap_nor_last_too_long(segments, seconds):
    film, start = [], 0.0
    for length, score in segments:
        film.append(moment(start, start + length, score))
        start += length
    chosen = choose(film, seconds)
    assert chosen
    assert sum(end - begin for begin, end in spans(chosen)) <= seconds + 0.25 + 1e-6
    assert all(one.end_seconds <= other.start_seconds for one, other in pairwise(chosen))


def test_the_model_itself_scores_every_segment(assistant, tmp_path):
    film = write_frames(tmp_path / "a.mp4", two_scenes(50))
    found = find_highlights(assistant, film, "a blue picture.", seconds=4.0)
    one, other = found.segments
    assert one.picture == pytest.approx(-other.picture)  # the mean of the film is 0
    assert one.sound == other.sound == 0
    [best] = found.moments
    assert best.score == max(one.score, other.score)


def test_the_query_is_taken_for_the_models_own_words(tiny_processor, tmp_path, monkeypatch):
    asked = []

    def likelihood(_, clip, question, answer):
        asked.append((question, answer))
        return None if clip is None else -1.0 - (clip.start_seconds < 2)

    monkeypatch.setattr(highlights, "_likelihood", likelihood)
    film = write_frames(tmp_path / "a.mp4", two_scenes(50))
    found = find_highlights(Talking(tiny_processor), film, "a blue picture.", seconds=4.0)
    assert asked == [
        ("Describe the video.", "A blue picture."),
        ("What do you hear?", "I hear a blue picture."),
    ] * len(found.segments)
    assert [each.picture for each in found.segments] == [-0.5, 0.5]
    [best] = found.moments
    assert best.start_seconds == pytest.approx(2.5, abs=0.15)
    assert best.reason == "picture +0.50, sound +0.00: Two men are singing."


def test_words_of_the_query_in_the_descriptions_count(tiny_processor, tmp_path, monkeypatch):
    monkeypatch.setattr(highlights, "_likelihood", lambda *_: 0.0)
    film = write_clip(tmp_path / "a.mp4", seconds=4.0)
    found = find_highlights(Talking(tiny_processor), film, "dogs and a cat", seconds=4)
    [segment] = found.segments
    assert segment.words == ("dogs",)
    assert segment.score == pytest.approx(0.5)
    assert "says dogs: Two men are singing. I hear a dog barking." in segment.reason


@pytest.mark.parametrize(
    ("query", "seconds", "sentence"),
    [
        ("", 1, "holds no word"),
        ("?! 7", 1, "holds no word"),
        ("dog " * 99, 1, "the most"),
        ("a dog", 0, "must be more than 0"),
        ("a dog", float("nan"), "must be more than 0"),
        ("a dog", 60, r"lasts 2\.0 s only"),
    ],
)
def test_a_query_or_a_length_without_sense_is_refused(
    assistant, clip_file, query, seconds, sentence
):
    with pytest.raises(InputError, match=sentence):
        find_highlights(assistant, clip_file, query, seconds=seconds)


def test_only_videos_have_moments(assistant, tmp_path):
    files = {
        "a picture": write_picture(tmp_path / "a.png"),
        "a sound": write_sound(tmp_path / "a.wav"),
        "one frame only": write_frames(tmp_path / "a.mp4", two_scenes(1)),
    }
    for sentence, file in files.items():
        with pytest.raises(MediaError, match=sentence):
            find_highlights(assistant, file, "a dog", seconds=0.05)
