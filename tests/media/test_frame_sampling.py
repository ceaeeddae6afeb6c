import pytest
from hypothesis import given
from hypothesis import strategies as st

from videollama.errors import InputError
from videollama.media.frame_sampling import (
    FrameSampling,
    headtail_indices,
    sampled_indices,
    scene_indices,
    uniform_indices,
)

counts = st.integers(1, 400)
gaps = st.lists(st.floats(0.01, 3.0), min_size=1, max_size=60)


def times_from(gaps):
    """Frame times with irregular gaps, and when the last frame ends."""
    times = [0.0]
    for gap in gaps:
        times.append(times[-1] + gap)
    return times[:-1], times[-1]


@given(counts, counts)
def test_uniform_numbers_are_different_sorted_and_inside(available, wanted):
    indices = uniform_indices(available, wanted)
    assert len(indices) == min(available, wanted)
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    assert indices[-1] < available


def test_the_pair_that_led_the_original_outside_the_video():
    assert uniform_indices(17, 7) == [0, 2, 4, 7, 9, 12, 14]


@given(counts, counts, st.integers(0, 99))
def test_headtail_takes_half_from_each_half(available, wanted, seed):
    indices = headtail_indices(available, wanted, seed)
    assert indices == sorted(set(indices))
    assert 0 <= indices[0] <= indices[-1] < available
    if min(available, wanted) > 1:
        assert sum(index < available // 2 for index in indices) == len(indices) / 2


def test_headtail_is_repeatable_with_a_seed():
    assert headtail_indices(500, 8, 3) == headtail_indices(500, 8, 3)
    assert headtail_indices(500, 8, 3) != headtail_indices(500, 8, 4)


@given(gaps, st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_times_lie_in_the_part_asked_for(gaps, wanted, first, second):
    times, duration = times_from(gaps)
    start, end = sorted((first * duration, second * duration))
    if start >= duration or end <= start:
        return
    sampling = FrameSampling(wanted, start_seconds=start, end_seconds=end)
    chosen = [times[index] for index in sampled_indices(times, duration, sampling)]
    assert chosen == sorted(set(chosen))
    if any(start <= time < end for time in times):
        assert all(start <= time < end for time in chosen)
    else:
        assert chosen == [max(time for time in times if time <= start)]


@given(gaps, st.floats(0.1, 50))
def test_a_rate_gives_at_most_one_frame_per_interval(gaps, rate):
    times, duration = times_from(gaps)
    sampling = FrameSampling(frames_per_second=rate)
    chosen = [times[index] for index in sampled_indices(times, duration, sampling)]
    intervals = [int(time * rate + 1e-6) for time in chosen]
    assert chosen[0] == 0.0
    assert intervals == sorted(set(intervals))


def test_a_rate_on_an_even_video_gives_even_times():
    times = [number / 30 for number in range(300)]
    indices = sampled_indices(times, 10.0, FrameSampling(frames_per_second=2))
    assert indices == list(range(0, 300, 15))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(1, 40))
def test_every_scene_gets_some_frames(lengths, wanted):
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    stop = sum(lengths)
    chosen = scene_indices([number / 10 for number in range(stop)], starts, stop, wanted)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(stop, wanted)
    scenes = {max(start for start in starts if start <= index) for index in chosen}
    assert len(scenes) == min(len(starts), wanted)


def test_a_long_scene_gets_more_frames_and_none_lies_at_a_cut():
    times = [number / 10 for number in range(100)]
    assert scene_indices(times, [0, 80], 100, 5) == [10, 30, 50, 70, 90]


def test_with_more_scenes_than_frames_the_longest_are_shown():
    times = [number / 10 for number in range(100)]
    assert scene_indices(times, [0, 10, 50, 55, 95], 100, 2) == [30, 75]


def test_a_part_without_cuts_is_one_scene():
    sampling = FrameSampling(2, start_seconds=1.0, method="scenes")
    assert sampled_indices([0.0, 1.0, 2.0, 3.0, 4.0], 5.0, sampling) == [2, 4]


def test_the_end_itself_is_not_included():
    indices = sampled_indices([0.0, 1.0, 2.0, 3.0], 4.0, FrameSampling(8, end_seconds=2.0))
    assert indices == [0, 1]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"num_frames": 0}, "0 frames were asked for; ask for 1 or more."),
        ({"frames_per_second": 0.0}, "0.0 frames per second is not possible"),
        ({"frames_per_second": float("nan")}, "nan frames per second is not possible"),
        ({"start_seconds": -1.0}, "start of -1.0 seconds is not possible"),
        ({"end_seconds": float("inf")}, "end of inf seconds is not possible"),
        ({"start_seconds": 3.0, "end_seconds": 3.0}, "not after the start at 3.0 s"),
        ({"method": "middle"}, "'middle' is unknown; use 'uniform', 'scenes' or"),
        ({"method": "headtail", "frames_per_second": 1.0}, "leave out the frames per second"),
        ({"method": "scenes", "frames_per_second": 1.0}, "leave out the frames per second"),
    ],
)
def test_impossible_wishes_are_refused_in_a_sentence(wish, sentence):
    with pytest.raises(InputError, match=sentence):
        FrameSampling(**wish)


def test_a_start_beyond_the_end_is_told_with_the_length():
    with pytest.raises(InputError, match=r"start at 9 s is beyond .* 4\.00 s long"):
        sampled_indices([0.0, 1.0], 4.0, FrameSampling(start_seconds=9))
