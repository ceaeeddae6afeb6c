import pytest
from PIL import Image

from tests.synthetic import write_picture
from videollama.media.frame_sampling import FrameSampling
from videollama.media.picture_clips import probe_picture, read_picture
from videollama.media.pictures import recognise


@pytest.fixture
def animation(tmp_path):
    frames = [Image.new("RGB", (8, 6), (60 * n, 0, 0)) for n in range(4)]
    options = {"save_all": True, "append_images": frames[1:], "duration": 500}
    frames[0].save(tmp_path / "a.gif", **options)
    return recognise(tmp_path / "a.gif")


def test_a_still_is_one_frame_whatever_is_asked(tmp_path):
    picture = recognise(write_picture(tmp_path / "a.png"))
    clip = read_picture(picture, FrameSampling(8, start_seconds=3.0), (10, 10))
    assert (clip.kind, clip.frame_times_seconds, clip.start_seconds) == ("image", (0.0,), 0.0)
    assert clip.frames.shape == (1, 10, 10, 3)


def test_an_animation_is_a_video_without_sound(animation):
    clip = read_picture(animation, FrameSampling(2, start_seconds=1.0), None)
    assert (clip.kind, clip.audio_status) == ("video", "absent")
    assert clip.frame_times_seconds == (1.0, 1.5)
    assert clip.duration_seconds == pytest.approx(1.0)
    assert clip.frames_per_second == pytest.approx(2.0)


def test_probe_tells_the_same(animation):
    info = probe_picture(animation, FrameSampling(2))
    assert (info.kind, info.container, info.frame_count) == ("video", "gif", 4)
    assert info.sampled_times_seconds == (0.0, 1.0)
    assert info.frame_size == (6, 8)
