"""Frames to normalised tensors, against the original's processors."""

import re

import pytest
import torch

from videollama.media.frames import normalize_frames, random_training_crop

pytestmark = pytest.mark.reference
FILE = "06_video_transforms.safetensors"
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def normalized(frames, size):
    return normalize_frames(frames, size=size, mean=MEAN, std=STD).permute(1, 0, 2, 3)


def test_evaluation_cuts_to_bytes_and_normalises(fixture_tensors):
    recorded = fixture_tensors(FILE)
    frames = recorded["eval.in"].to(torch.uint8).permute(1, 2, 3, 0)
    actual = normalized(frames, frames.shape[1])
    torch.testing.assert_close(actual, recorded["eval.out"], atol=1e-5, rtol=0)


def test_an_image_is_resized_like_the_originals(fixture_tensors):
    recorded = fixture_tensors(FILE)
    (expected,) = recorded.under("image.out_size").values()
    actual = normalized(recorded["image.in_uint8_hwc"][None], expected.shape[-1])[:, 0]
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_training_crop_with_the_originals_overshoot(fixture_tensors):
    recorded = fixture_tensors(FILE)
    frames = recorded["train.in"].permute(1, 2, 3, 0)
    ((name, expected),) = recorded.under("train.out_").items()
    size, seed = map(int, re.fullmatch(r"size(\d+)_torchseed(\d+)", name).groups())
    torch.manual_seed(seed)
    crop = random_training_crop(frames, size=size, wrap_overshoot=True)
    torch.testing.assert_close(normalized(crop, size), expected, atol=1e-5, rtol=0)


def test_training_crop_by_default_clamps_the_overshoot(fixture_tensors):
    frames = fixture_tensors(FILE)["train.in"].permute(1, 2, 3, 0)
    torch.manual_seed(610)
    wrapped = random_training_crop(frames, size=32, wrap_overshoot=True).int()
    torch.manual_seed(610)
    clamped = random_training_crop(frames, size=32).int()
    different = wrapped != clamped
    assert different.any()
    assert set(clamped[different].tolist()) <= {0, 255}
