import pytest
import torch

from tests.synthetic import (
    two_scenes,
    write_clip,
    write_frames,
    write_picture,
    write_sound,
)
from videollama.errors import MediaError
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.overview import look_over, read_pictures, read_sounds


def test_a_video_with_a_cut_and_no_sound(tmp_path):
    overview = look_over(write_frames(tmp_path / "a.mp4", two_scenes(40)))
    assert (overview.kind, overview.audio_status, overview.sound) == ("video", "absent", None)
    assert overview.cuts_seconds == (pytest.approx(2.0),)
    assert overview.duration_seconds == overview.picture_seconds == pytest.approx(4.0, abs=0.15)


def test_the_states_of_the_sound_are_told_apart(tmp_path):
    silent = look_over(write_clip(tmp_path / "silent.mp4", sound="silence"))
    sound = look_over(write_sound(tmp_path / "tone.wav"))
    assert (silent.audio_status, silent.cuts_seconds) == ("silent", ())
    assert (sound.kind, sound.audio_status, sound.picture_seconds) == ("audio", "present", 0.0)
    assert sound.duration_seconds == pytest.approx(2.0)


def test_a_picture_has_no_length(tmp_path):
    overview = look_over(write_picture(tmp_path / "a.png"))
    assert (overview.kind, overview.duration_seconds) == ("image", 0.0)
    clip = read_pictures(overview, 0.0, 0.0, 8, (32, 32))
    assert (clip.kind, tuple(clip.frames.shape)) == ("image", (1, 32, 32, 3))


def test_what_is_no_medium_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("this is text")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        look_over(tmp_path / "a.mp4")


def test_the_frames_of_a_part_are_those_that_read_clip_gives(tmp_path):
    path = write_clip(tmp_path / "a.mp4", seconds=4.0)
    part = read_pictures(look_over(path), 1.0, 3.0, 4, (64, 96))
    expected = read_clip(path, FrameSampling(4, None, 1.0, 3.0), frame_size=(64, 96))
    assert part.frame_times_seconds == expected.frame_times_seconds
    assert torch.equal(part.frames, expected.frames)


def test_there_is_no_picture_behind_its_end(tmp_path):
    overview = look_over(write_clip(tmp_path / "a.mp4", seconds=1.0))
    assert read_pictures(overview, 1.5, 2.0, 4, (64, 96)) is None


def test_the_sounds_of_parts_are_those_that_read_clip_gives(tmp_path):
    path = write_clip(tmp_path / "a.mp4", seconds=9.0)
    spans = [(0.5, 1.25), (1.25, 4.0), (6.0, 20.0)]
    for (start, end), clip in zip(spans, read_sounds(look_over(path), spans), strict=True):
        expected = read_clip(path, FrameSampling(1, None, start, end)).waveform
        length = min(clip.waveform.shape[1], expected.shape[1])
        assert abs(clip.waveform.shape[1] - expected.shape[1]) <= 1
        # The resampler of a part begins at its first sample, with silence before it.
        torch.testing.assert_close(
            clip.waveform[:, 99 : length - 99], expected[:, 99 : length - 99], atol=2e-3, rtol=0
        )
