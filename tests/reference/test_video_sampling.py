"""Frame numbers and the bytes of an mp4, against what the original got through decord."""

import pytest
import torch

from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling, headtail_indices, uniform_indices

pytestmark = pytest.mark.reference
SAMPLING, PICTURES = "06_video_sampling.json", "06_video_transforms.safetensors"
CLIP = "synth_96x64_37f_10fps.mp4"


def test_uniform_numbers_are_the_originals_except_for_its_surplus_one(fixture_json):
    surplus = 0
    for available, wanted, expected in fixture_json(SAMPLING)["load_video_uniform_indices"]:
        indices = uniform_indices(available, wanted)
        assert indices == expected[: min(available, wanted)]
        surplus += len(indices) < len(expected)
    assert surplus, "the recorded cases are known to hold pairs with one index too many"


def test_pairs_that_led_the_original_outside_the_video(fixture_json):
    scan = fixture_json(SAMPLING)["scan_vlen1..3000_n1..64"]
    pairs = scan["pairs_where_len(indices)!=min(n,vlen) [vlen,n,len,last]"]
    for available, wanted, _, _ in pairs:
        indices = uniform_indices(available, wanted)
        assert len(set(indices)) == min(available, wanted)
        assert max(indices) < available


def test_headtail_draws_the_same_numbers(fixture_json):
    for case in fixture_json(SAMPLING)["headtail"]:
        seed = case["random.seed"]
        assert headtail_indices(case["vlen"], case["n"], seed) == case["indices"]


@pytest.mark.parametrize(
    ("count", "size", "recorded"),
    [
        (3, None, "mp4.decord_n3_native_uint8_CTHW"),
        (4, (48, 80), "mp4.decord_n4_h48w80_uint8_CTHW"),
        (8, (48, 80), "mp4.decord_n8_h48w80_uint8_CTHW"),
    ],
)
def test_frames_of_an_mp4_are_byte_for_byte_decords(
    fixture_path, fixture_tensors, count, size, recorded
):
    clip = read_clip(fixture_path(CLIP), FrameSampling(count), frame_size=size)
    expected = fixture_tensors(PICTURES)[recorded].permute(1, 2, 3, 0)
    assert torch.equal(clip.frames, expected)


def test_times_of_an_mp4_are_those_in_the_originals_message(fixture_path, fixture_json):
    clip = read_clip(fixture_path(CLIP), FrameSampling(4))
    times = ", ".join(str(round(time, 1)) for time in clip.frame_times_seconds)
    assert f"at {times} seconds" in fixture_json(SAMPLING)["mp4_msg_n4"]
