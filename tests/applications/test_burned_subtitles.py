"""Subtitles in the picture."""

import av
import numpy as np
import pytest

from tests.synthetic import two_scenes, write_clip, write_frames, write_picture, write_sound
from videollama.applications.burned_subtitles import burn_in, require_burnable
from videollama.applications.subtitles import Cue
from videollama.errors import InputError, MediaError, OutputError
from videollama.media.decode import probe
from videollama.media.overview import look_over
from videollama.media.painted_text import TextPainter


def pictures(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


@pytest.fixture
def dark(tmp_path):
    """Two seconds of dark frames, 20 a second."""
    frame = np.full((120, 200, 3), 40, np.uint8)
    times = [50 * number for number in range(40)]
    return write_frames(tmp_path / "dark.mp4", [frame] * 40, times_ms=times)


def test_letters_stand_below_as_long_as_their_cue(dark, tmp_path):
    target = tmp_path / "shown.mp4"
    burn_in(look_over(dark), [Cue(0.5, 1.5, "A dog\nruns")], target, TextPainter())
    shown = pictures(target)
    assert len(shown) == 40
    for number, picture in enumerate(shown):
        has_letters = picture.max() > 200
        assert has_letters == (10 <= number < 30), number
        assert picture[:60].max() < 80


def test_the_letters_of_all_lines_are_whole(dark, tmp_path):
    target = tmp_path / "shown.mp4"
    burn_in(look_over(dark), [Cue(0, 2, "HHHHHH\nHHHHHH")], target, TextPainter())
    bright = (pictures(target)[5] > 150).sum(axis=1)
    rows = np.flatnonzero(bright > 5)
    first, second = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    assert abs(len(first) - len(second)) <= 1
    assert abs(int(bright[first].sum()) - int(bright[second].sum())) < 0.1 * bright[first].sum()


def test_the_sound_is_kept(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", seconds=2.0)
    burn_in(look_over(clip), [Cue(0, 1, "[tone]")], tmp_path / "b.mkv", TextPainter())
    before, after = probe(clip), probe(tmp_path / "b.mkv")
    assert after.audio_status == before.audio_status == "present"
    assert after.frame_count == before.frame_count
    assert after.duration_seconds == pytest.approx(before.duration_seconds, abs=0.1)


def test_without_cues_every_frame_is_as_before(tmp_path):
    film = write_frames(tmp_path / "a.mp4", two_scenes())
    burn_in(look_over(film), [], tmp_path / "b.mp4", TextPainter())
    for one, other in zip(pictures(film), pictures(tmp_path / "b.mp4"), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 3


def test_a_long_line_is_made_smaller_and_stays_inside(dark, tmp_path):
    target = tmp_path / "shown.mp4"
    burn_in(look_over(dark), [Cue(0, 2, "wide words " * 4)], target, TextPainter())
    picture = pictures(target)[5]
    assert picture[:, :2].max() < 80
    assert picture[:, -2:].max() < 80


def test_a_letter_that_the_font_lacks_is_named_before_anything_is_written(dark, tmp_path):
    with pytest.raises(InputError, match=r"The built-in font has no '狗'; name a font .* --font"):
        burn_in(look_over(dark), [Cue(0, 1, "a 狗")], tmp_path / "b.mp4", TextPainter())
    assert not (tmp_path / "b.mp4").exists()


def test_what_is_no_font_is_told(tmp_path):
    file = tmp_path / "a.ttf"
    file.write_text("no font")
    with pytest.raises(InputError, match=r"a\.ttf is no font that can be read"):
        TextPainter(file)


def test_pictures_and_sounds_are_refused(tmp_path):
    for file in (write_picture(tmp_path / "a.png"), write_sound(tmp_path / "a.wav")):
        with pytest.raises(MediaError, match="is no video"):
            require_burnable(look_over(file), tmp_path / "b.mp4")
    film = look_over(write_clip(tmp_path / "a.mp4"))
    with pytest.raises(OutputError, match=r"use \.mp4 or \.mkv"):
        require_burnable(film, tmp_path / "b.avi")
