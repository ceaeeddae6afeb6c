import numpy as np
import pytest

from tests.synthetic import moving_square, two_scenes, write_clip, write_frames
from videollama.media import scenes
from videollama.media.decode import probe, read_clip
from videollama.media.frame_sampling import FrameSampling

BY_SCENES = FrameSampling(4, method="scenes")


def three_scenes(count=60, size=(48, 64)):
    """Grey with a moving square, then red, then noise; the second is short."""
    pictures = [moving_square(number / 40, size) for number in range(40)]
    pictures += two_scenes(2 * (count - 50), size)[: count - 50]
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    return pictures + [noise] * (count - len(pictures))


def starts_of(path, sampling=BY_SCENES):
    """The frame numbers that `read_clip` was told, by looking over its shoulder."""
    found = []

    def spy(*arguments):
        found.extend(scenes.find_scenes(*arguments))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("videollama.media.decode.find_scenes", spy)
        read_clip(path, sampling)
    return found


def test_cuts_are_found_and_movement_is_none(tmp_path):
    path = write_frames(tmp_path / "a.mp4", three_scenes())
    assert starts_of(path) == [0, 40, 50]


def test_a_part_begins_with_a_scene_of_its_own(tmp_path):
    path = write_frames(tmp_path / "a.mp4", three_scenes(), key_every=100)
    part = FrameSampling(4, start_seconds=2.0, end_seconds=4.6, method="scenes")
    assert starts_of(path, part) == [20, 40]


def test_a_short_scene_is_seen(tmp_path):
    path = write_frames(tmp_path / "a.mp4", three_scenes())
    times = read_clip(path, BY_SCENES).frame_times_seconds
    assert times == probe(path, BY_SCENES).sampled_times_seconds
    assert [sum(a <= time < b for time in times) for a, b in ((0, 4), (4, 5), (5, 6))] == [2, 1, 1]


def test_of_a_long_part_only_keyframes_are_decoded(tmp_path, monkeypatch):
    path = write_frames(tmp_path / "a.mp4", three_scenes(), key_every=8)
    monkeypatch.setattr(scenes, "_MOST_DECODED_SECONDS", 1.0)
    starts = starts_of(path)
    assert starts[0] == 0
    assert 40 <= starts[1] <= 48
    monkeypatch.setattr(scenes, "_MOST_KEYFRAME_GAP_SECONDS", 0.1)
    assert starts_of(path) == [0, 40, 50]


def test_a_file_whose_stamps_cannot_be_trusted_is_counted(tmp_path):
    path = write_frames(tmp_path / "a.avi", three_scenes(), codec="mpeg4")
    assert starts_of(path) == [0, 40, 50]


def test_one_shot_gets_evenly_spread_frames(tmp_path):
    times = read_clip(write_clip(tmp_path / "a.mp4"), BY_SCENES).frame_times_seconds
    assert times == pytest.approx((0.2, 0.7, 1.2, 1.7))
