import torch

from videollama.media.decode import read_clip
from videollama.media.video_writer import write_video


def grey_frames(count):
    levels = 20 + 40 * torch.arange(count)
    return levels.view(-1, 1, 1, 1).expand(count, 32, 48, 3).to(torch.uint8).contiguous()


def test_the_file_gives_the_frames_back_and_has_no_audio_track(tmp_path):
    write_video(tmp_path / "clip.mp4", grey_frames(5), 2)
    clip = read_clip(tmp_path / "clip.mp4")
    assert clip.frame_times_seconds == (0.0, 0.5, 1.0, 1.5, 2.0)
    assert (clip.frames.float() - grey_frames(5).float()).abs().max() <= 3
    assert clip.audio_status == "absent"
    assert clip.warnings == ()


def test_the_sound_lies_in_a_track_beside_the_frames(tmp_path):
    tone = 0.3 * torch.sin(torch.arange(40_000) * 0.2).unsqueeze(0)
    write_video(tmp_path / "clip.mp4", grey_frames(5), 2, tone)
    clip = read_clip(tmp_path / "clip.mp4")
    assert clip.audio_status == "present"
    assert abs(clip.waveform.shape[1] - 40_000) < 2_048


def test_a_silent_track_is_another_fact_than_no_track(tmp_path):
    write_video(tmp_path / "clip.mp4", grey_frames(5), 2, torch.zeros(1, 40_000))
    assert read_clip(tmp_path / "clip.mp4").audio_status == "silent"
