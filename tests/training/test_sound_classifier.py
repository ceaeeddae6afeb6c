import numpy as np
import pytest
import torch

from videollama.training.broken_samples import BrokenSamples
from videollama.training.preparation import prepare
from videollama.training.recipe import SoundSection
from videollama.training.sound_classifier import (
    SoundBatches,
    SoundValidation,
    hide_bands_and_moments,
)
from videollama.training.sound_spectra import load_sound_spectra

CLASSES = ["dog", "rain", "train"]


@pytest.fixture
def spectra(data_folder, make_recipe, cache, lines):
    data = make_recipe("sound_encoder").data
    folder = data_folder / "esc50"
    return load_sound_spectra(folder, data, cache, broken=BrokenSamples(0), report=lines)


def batches(spectra, **options):
    section = SoundSection(start="random", **options)
    return SoundBatches(spectra[0], CLASSES, section, batch_size=5, length=3, seed=0)


def test_a_batch_is_the_same_at_every_call_and_others_differ(spectra):
    made = batches(spectra)
    assert torch.equal(made[1]["spectrograms"], made[1]["spectrograms"])
    assert not torch.equal(made[1]["spectrograms"], made[2]["spectrograms"])
    with pytest.raises(IndexError):
        made[3]


def test_targets_are_shares_of_the_mixed_sounds(spectra):
    mixed = batches(spectra)[0]
    assert mixed["spectrograms"].shape == (5, 1, 1, 128, 204)
    torch.testing.assert_close(mixed["targets"].sum(dim=1), torch.ones(5))
    alone = batches(spectra, mixup=0.0)[0]
    labels = {sound.path.name: sound.label for sound in spectra[0].sounds}
    for target, name in zip(alone["targets"], alone["ids"], strict=True):
        assert target.max() == 1.0
        assert CLASSES[int(target.argmax())] == labels[name]


def test_validation_gives_whole_sounds(spectra):
    validation = SoundValidation(spectra[1], CLASSES, batch_size=2, limit=10)
    assert [len(batch["ids"]) for batch in validation] == [2, 1]
    assert validation[0]["spectrograms"].shape == (2, 3, 1, 128, 204)
    assert validation[0]["targets"].argmax(dim=1).tolist() == [0, 1]


def test_hiding_changes_only_a_few_bands_and_moments():
    energies = np.random.default_rng(0).normal(size=(198, 128))
    before = energies.copy()
    hide_bands_and_moments(energies, np.random.default_rng(1))
    changed = energies != before
    assert changed.any()
    assert changed.mean() < 0.6


def test_tones_of_three_heights_are_told_apart(data_folder, make_recipe, lines):
    recipe = make_recipe("sound_encoder", sound__dropout=0.0, sound__mixup=0.0)
    setup = prepare(recipe, data_folder, broken=BrokenSamples(0), report=lines)
    objective = setup.objective.train()
    optimizer = torch.optim.AdamW(objective.parameters(), lr=0.01)
    inputs = setup.training[0]
    del inputs["ids"]
    losses = []
    for _ in range(25):
        loss = objective(**inputs)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
