import numpy as np
import pytest
import torch
from PIL import Image

from tests.synthetic import cut_off, moving_square, write_clip, write_picture
from videollama.errors import MediaError
from videollama.media.pictures import read_frames, recognise


def only_frame(path, size=None):
    return read_frames(recognise(path), [0], size)[0]


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "jpg", "gif"])
def test_formats_give_their_pixels(tmp_path, suffix):
    pixels = only_frame(write_picture(tmp_path / f"a.{suffix}"))
    difference = pixels.int() - torch.from_numpy(moving_square(0.5, (64, 96))).int()
    assert pixels.shape == (64, 96, 3)
    assert difference.abs().float().mean() < 3


def test_transparent_parts_are_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (only_frame(tmp_path / "a.png") == 255).all()


def test_sixteen_bits_keep_their_greys(tmp_path):
    greys = np.array([[0, 32_768, 65_535]], dtype=np.uint16)
    Image.fromarray(greys).save(tmp_path / "a.png")
    assert only_frame(tmp_path / "a.png")[0, :, 0].tolist() == [0, 127, 255]


def test_a_photo_taken_upright_is_turned(tmp_path):
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert recognise(tmp_path / "a.jpg").size == (40, 20)
    assert only_frame(tmp_path / "a.jpg").shape == (40, 20, 3)


def test_an_animation_has_times_and_frames(tmp_path):
    frames = [Image.new("RGB", (8, 8), (60 * n, 0, 0)) for n in range(4)]
    options = {"save_all": True, "append_images": frames[1:], "duration": [100, 300, 50, 200]}
    frames[0].save(tmp_path / "a.webp", lossless=True, **options)
    picture = recognise(tmp_path / "a.webp")
    assert picture.frame_times_seconds == pytest.approx((0.0, 0.1, 0.4, 0.45))
    assert picture.duration_seconds == pytest.approx(0.65)
    reds = read_frames(picture, [0, 2, 3], (4, 4))[:, 0, 0, 0]
    assert reds.tolist() == [0, 120, 180]


def test_a_video_is_not_an_image(tmp_path):
    assert recognise(write_clip(tmp_path / "a.mp4")) is None


def test_a_half_copied_image_is_told(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    with pytest.raises(MediaError, match="damaged or incomplete image"):
        only_frame(cut_off(tmp_path / "a.png", 0.5))


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path):
    Image.new("1", (20_000, 20_000)).save(tmp_path / "a.png")
    with pytest.raises(MediaError, match=r"images of up to 90 million pixels are read"):
        recognise(tmp_path / "a.png")
