import numpy as np
import pytest
import torch

from videollama.media.decode import read_clip
from videollama.processing import segment_values
from videollama.training.broken_samples import BrokenSamples
from videollama.training.network import build_model
from videollama.training.sound_features import load_sound_features, variant_of
from videollama.training.sound_spectra import (
    SEGMENT_STARTS,
    cut,
    load_sound_spectra,
    segment_inputs,
)


@pytest.fixture
def spectra(data_folder, make_recipe, cache, lines):
    data = make_recipe("instruct").data
    folder = data_folder / "esc50"
    return load_sound_spectra(folder, data, cache, broken=BrokenSamples(0), report=lines)


def test_segments_are_what_the_model_hears(spectra, tiny_config):
    training, validation = spectra
    assert (len(training.sounds), len(validation.sounds)) == (9, 3)
    clip = read_clip(training.sounds[4].path)
    heard = segment_values(clip.waveform, tiny_config)
    cached = segment_inputs(cut(training.energies(4), SEGMENT_STARTS))
    torch.testing.assert_close(torch.from_numpy(cached), heard, atol=5e-3, rtol=5e-3)


def test_features_are_what_the_model_gives(spectra, make_recipe, cache, lines):
    model, _ = build_model(make_recipe("instruct"))
    model.eval()
    training, _ = load_sound_features(
        model, spectra, 4, cache, broken=BrokenSamples(0), report=lines
    )
    inputs = torch.from_numpy(segment_inputs(cut(spectra[0].energies(2), SEGMENT_STARTS)))
    with torch.no_grad():
        given = model.encode_segments(inputs[None])[0]
    cached = torch.from_numpy(np.array(training.features(0, 2))).float()
    torch.testing.assert_close(cached, given, atol=2e-3, rtol=2e-3)


def test_variants_are_fixed_and_differ(spectra):
    training = spectra[0]
    variants = [variant_of(training, 0, variant, training) for variant in range(4)]
    assert np.array_equal(variants[3], variant_of(training, 0, 3, training))
    for variant in variants[1:]:
        assert variant.shape == variants[0].shape
        assert not np.allclose(variant, variants[0], atol=0.01)
