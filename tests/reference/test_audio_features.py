"""Sound from file to segments, against the original's numbers."""

import pytest
import torch

from videollama.media.audio import SAMPLE_RATE, audio_segments, fbank, segment_timepoints
from videollama.media.decode import read_clip

pytestmark = pytest.mark.reference
FILE = "05_audio.safetensors"
SOUNDS = ["mono_16k_5s", "mono_16k_4s1_dcdrift", "mono_8k_0s9", "stereo_44k1_3s3"]


RESAMPLED = ["mono_8k_0s9", "stereo_44k1_3s3"]


@pytest.fixture(params=SOUNDS)
def sound_file(request, fixture_path):
    """Name and samples of a wav file, read as users' files are."""
    return request.param, read_clip(fixture_path(f"{request.param}.wav")).waveform


@pytest.fixture(params=[*SOUNDS, *(f"recorded {name}" for name in RESAMPLED)])
def sound(request, fixture_path, fixture_tensors):
    """Name and samples at 16 kHz: of a wav file, or as the original's own resampling gave them."""
    name = request.param.removeprefix("recorded ")
    if name != request.param:
        return name, fixture_tensors(FILE)[f"{name}.resampled16k"]
    return name, read_clip(fixture_path(f"{name}.wav")).waveform


def assert_close(actual, expected):
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_reading_resamples_like_the_original(sound_file, fixture_tensors):
    name, waveform = sound_file
    expected = fixture_tensors(FILE).tensors.get(f"{name}.resampled16k", waveform)
    assert_close(waveform, expected)


def test_filter_banks_of_the_first_two_seconds(sound, fixture_tensors):
    name, waveform = sound
    first = waveform[:, : 2 * SAMPLE_RATE].clone()
    mel = fbank((first - first.mean())[0]).T
    expected = fixture_tensors(FILE)[f"{name}.fbank_first2s_unnormalised"][0]
    assert_close(mel, expected[:, : mel.shape[1]])
    assert not expected[:, mel.shape[1] :].any()


@pytest.mark.parametrize("count", [3, 8])
def test_segments_carry_means_like_the_original(sound, fixture_tensors, count):
    name, waveform = sound
    expected = fixture_tensors(FILE)[f"{name}.clips{count}"][0]
    assert_close(audio_segments(waveform, count, carry_means=True), expected)


def test_segments_by_default_do_not_see_one_another(sound, fixture_tensors):
    name, waveform = sound
    before = waveform.clone()
    expected = fixture_tensors(FILE)[f"{name}.clips8_no_alias_NOT_ORIGINAL"][0]
    assert_close(audio_segments(waveform, 8), expected)
    assert torch.equal(waveform, before)


def test_timepoints_are_exact_fractions(fixture_json):
    for case in fixture_json("05_clip_timepoints.json"):
        points = segment_timepoints(case["num_samples_16k"] / SAMPLE_RATE, case["clips_per_video"])
        slices = [[int(start * SAMPLE_RATE), int(end * SAMPLE_RATE)] for start, end in points]
        assert slices == case["sample_slices"]
        if case["start_end_fraction"] is not None:
            assert [[str(start), str(end)] for start, end in points] == case["start_end_fraction"]
