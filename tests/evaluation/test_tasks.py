import torch

from videollama.evaluation.tasks import photo_clip, seed_of, silent_video


def test_every_sample_has_a_seed_of_its_own_that_follows_the_run():
    assert seed_of(0, "a") == seed_of(0, "a")
    assert len({seed_of(0, "a"), seed_of(0, "b"), seed_of(1, "a")}) == 3


def test_a_photo_becomes_a_video_that_moves(photo_folder):
    photo = next((photo_folder / "images").iterdir())
    assert photo_clip(photo, 1, 0).kind == "image"
    video = photo_clip(photo, 5, 0)
    assert (video.kind, len(video.frames)) == ("video", 5)
    assert video.frames.equal(photo_clip(photo, 5, 0).frames)


def test_a_composed_video_has_times_and_no_audio_track(tmp_path):
    clip = silent_video(tmp_path, torch.zeros(3, 4, 4, 3, dtype=torch.uint8))
    assert clip.frame_times_seconds == (0.0, 0.5, 1.0)
    assert clip.duration_seconds == 1.5
    assert clip.audio_status == "absent"
