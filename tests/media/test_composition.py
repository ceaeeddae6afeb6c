import pytest
import torch

from videollama.media.composition import (
    black_frames,
    concatenate_scenes,
    mix_sound,
    pan_zoom,
    resize_still,
    scene_lengths,
    silence,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def gradient(height=40, width=60):
    """A picture whose red tells the row and whose green tells the column."""
    picture = torch.zeros(height, width, 3, dtype=torch.uint8)
    picture[..., 0] = torch.arange(height).view(-1, 1) * 4
    picture[..., 1] = torch.arange(width).view(1, -1) * 4
    return picture


def test_pan_zoom_gives_moving_frames_of_the_same_size():
    frames = pan_zoom(gradient(), 8, seeded())
    assert frames.shape == (8, 40, 60, 3)
    assert frames.dtype == torch.uint8
    assert not torch.equal(frames[0], frames[-1])


def test_pan_zoom_moves_in_one_direction():
    """The column seen at the left edge goes steadily to where the last frame has it."""
    left_column = pan_zoom(gradient(), 6, seeded(3), smallest_crop=0.5)[:, 20, 0, 1].int()
    steps = left_column.diff()
    assert (steps >= -1).all() or (steps <= 1).all()


def test_same_seed_same_clip_and_other_seed_another():
    still = gradient()
    assert torch.equal(pan_zoom(still, 4, seeded(1)), pan_zoom(still, 4, seeded(1)))
    assert not torch.equal(pan_zoom(still, 4, seeded(1)), pan_zoom(still, 4, seeded(2)))


def test_a_crop_of_one_shows_the_still_itself():
    still = gradient()
    frames = pan_zoom(still, 3, seeded(), smallest_crop=1.0)
    assert torch.equal(frames, still.expand(3, -1, -1, -1))


def test_pan_zoom_can_resize():
    assert pan_zoom(gradient(), 2, seeded(), frame_size=(16, 24)).shape == (2, 16, 24, 3)
    assert resize_still(gradient(), (10, 12)).shape == (10, 12, 3)


@pytest.mark.parametrize(("num_frames", "smallest_crop"), [(0, 0.5), (2, 0.0), (2, 1.5)])
def test_pan_zoom_refuses_what_it_cannot_make(num_frames, smallest_crop):
    with pytest.raises(ValueError, match="cannot pan"):
        pan_zoom(gradient(), num_frames, seeded(), smallest_crop=smallest_crop)


def test_pan_zoom_refuses_float_pictures():
    with pytest.raises(ValueError, match="uint8"):
        pan_zoom(gradient().float(), 2, seeded())


def test_scenes_follow_one_another():
    clip = concatenate_scenes([black_frames(2, 4, 5), black_frames(3, 4, 5) + 255])
    assert clip.float().mean(dim=(1, 2, 3)).tolist() == [0, 0, 255, 255, 255]


def test_scenes_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        concatenate_scenes([black_frames(1, 4, 5), black_frames(1, 5, 4)])
    with pytest.raises(ValueError, match="one size"):
        concatenate_scenes([])


def test_scene_lengths_use_every_frame_and_keep_the_shortest():
    generator = seeded()
    splits = [scene_lengths(8, 3, generator) for _ in range(50)]
    assert all(sum(split) == 8 and min(split) >= 2 for split in splits)
    assert len({tuple(split) for split in splits}) > 3
    with pytest.raises(ValueError, match="do not give"):
        scene_lengths(3, 2, generator)


def test_a_short_sound_is_repeated_and_a_long_one_is_cut():
    short = torch.linspace(-0.5, 0.5, 100).unsqueeze(0)
    laid = mix_sound(short, 250, seeded(), gain_decibels=(0.0, 0.0))
    assert laid.shape == (1, 250)
    assert torch.equal(laid[:, :150], laid[:, 100:])
    long = torch.linspace(-0.5, 0.5, 1000)
    cut = mix_sound(long, 250, seeded(), gain_decibels=(0.0, 0.0))[0]
    assert (cut.diff() > 0).all()  # an unbroken piece of the rising ramp


def test_gain_and_clamp():
    loud = mix_sound(torch.full((2, 50), 0.9), 50, seeded(), gain_decibels=(6.0, 6.0))
    assert loud.max() == 1.0
    half = mix_sound(torch.full((2, 50), 0.8), 50, seeded(), gain_decibels=(-6.0206, -6.0206))
    torch.testing.assert_close(half, torch.full((1, 50), 0.4), atol=1e-4, rtol=0)


def test_background_is_as_quiet_as_asked():
    sound = torch.full((1, 50), 0.5)
    both = mix_sound(
        sound,
        50,
        seeded(),
        gain_decibels=(0.0, 0.0),
        background=torch.full((1, 70), -0.01),
        background_decibels=-20.0,
    )
    torch.testing.assert_close(both, torch.full((1, 50), 0.45))


def test_an_empty_sound_is_refused_and_silence_is_silent():
    with pytest.raises(ValueError, match="empty"):
        mix_sound(torch.zeros(1, 0), 10, seeded())
    assert silence(7).shape == (1, 7)
    assert silence(7).abs().sum() == 0
