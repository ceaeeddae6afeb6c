import pytest
import torch
from PIL import Image

from videollama.errors import OutputError
from videollama.media.clip import Clip
from videollama.media.decode import read_clip
from videollama.media.sheet import draw_sheet


def colours(path):
    with Image.open(path) as image:
        return {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}, image.size


def test_a_sheet_shows_the_frames_and_the_sound(clip_file, tmp_path):
    path = draw_sheet(read_clip(clip_file), tmp_path / "sheet.png")
    found, (width, height) = colours(path)
    assert width > 1000
    assert height > 300
    assert (9, 105, 218) in found, "the waveform"
    assert any(red > 200 and green > 170 and blue < 90 for red, green, blue in found), "the square"
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.png"]


def test_a_sheet_without_sound_has_no_waveform(mute_file, tmp_path):
    found, _ = colours(draw_sheet(read_clip(mute_file), tmp_path / "sheet.png"))
    assert (9, 105, 218) not in found


def test_many_frames_are_thinned_out(tmp_path):
    times = tuple(range(200))
    frames = torch.zeros(200, 9, 16, 3, dtype=torch.uint8)
    clip = Clip(tmp_path / ("long " * 60), "video", frames, times, 1.0, 200.0)
    _, (width, height) = colours(draw_sheet(clip, tmp_path / "sheet.jpg"))
    assert (width < 2400, height < 1500) == (True, True)


def test_a_wrong_suffix_or_place_is_told(clip_file, tmp_path):
    clip = read_clip(clip_file)
    with pytest.raises(OutputError, match=r"end it in \.png or \.jpg"):
        draw_sheet(clip, tmp_path / "sheet.txt")
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        draw_sheet(clip, tmp_path / "nowhere" / "sheet.png")
    (tmp_path / "a file").touch()
    with pytest.raises(OutputError, match=r"a file.sheet\.png cannot be written: Not a directory"):
        draw_sheet(clip, tmp_path / "a file" / "sheet.png")
