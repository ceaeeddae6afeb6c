import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videollama.media.frames import normalize_frames, random_crop_box, random_training_crop

HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def test_black_and_white_become_minus_one_and_one():
    frames = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 8, 8, 3)
    values = normalize_frames(frames, size=8, **HALF)
    assert values.shape == (2, 3, 8, 8)
    assert values[0].unique().tolist() == [-1.0]
    assert values[1].unique().tolist() == [1.0]


def test_other_sizes_are_resized_without_keeping_the_shape():
    frames = torch.zeros(3, 20, 50, 3, dtype=torch.uint8)
    frames[:, :, 25:] = 255
    values = normalize_frames(frames, size=10, **HALF)
    assert values.shape == (3, 3, 10, 10)
    assert values[..., 0].mean() == -1
    assert values[..., -1].mean() == 1


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 1000))
def test_boxes_lie_inside_the_frame(height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    top, left, box_height, box_width = random_crop_box(
        height, width, generator=generator, scale=(0.5, 1.0), ratio=(3 / 4, 4 / 3)
    )
    assert 0 <= top <= top + box_height <= height
    assert 0 <= left <= left + box_width <= width
    assert box_height > 0
    assert box_width > 0


def test_all_frames_get_the_same_crop_and_a_seed_repeats_it():
    frames = torch.randint(0, 255, (1, 40, 60, 3), dtype=torch.uint8).expand(4, -1, -1, -1)
    first = random_training_crop(frames, size=32, generator=torch.Generator().manual_seed(5))
    again = random_training_crop(frames, size=32, generator=torch.Generator().manual_seed(5))
    assert first.shape == (4, 32, 32, 3)
    assert torch.equal(first, again)
    assert torch.equal(first[0], first[3])


@pytest.mark.parametrize("wrap", [False, True])
def test_bright_edges_overshoot_and_are_clamped_unless_asked(wrap):
    frames = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    frames[:, :, 4:] = 255
    generator = torch.Generator().manual_seed(0)
    crop = random_training_crop(frames, size=64, generator=generator, wrap_overshoot=wrap)
    bright = crop[0, 0, :, 0].int()
    falls = bright.diff() < -100  # from white to black inside the white half
    assert bool(falls.any()) == wrap
