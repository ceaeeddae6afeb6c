from tests.synthetic import write_picture, write_sound
from videollama.media.frame_sampling import FrameSampling
from videollama.media.preview import read_preview


def test_frames_are_small_and_keep_their_shape(tmp_path):
    clip = read_preview(write_picture(tmp_path / "a.png", size=(640, 960)), FrameSampling())
    height, width = clip.frames.shape[1:3]
    assert width < 960
    assert abs(width / height - 1.5) < 0.05


def test_sound_is_left_out_of_a_video_but_not_of_a_sound_file(clip_file, tmp_path):
    assert read_preview(clip_file, FrameSampling(2)).waveform is not None
    assert read_preview(clip_file, FrameSampling(2), want_audio=False).waveform is None
    sound = write_sound(tmp_path / "a.wav")
    assert read_preview(sound, FrameSampling(), want_audio=False).waveform is not None
