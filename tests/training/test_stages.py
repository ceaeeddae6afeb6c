"""Nothing but a stage's own parts changes, not by a bit."""

import pytest
import torch

from videollama.training.broken_samples import BrokenSamples
from videollama.training.preparation import prepare
from videollama.training.stages import (
    PICTURE_PARTS,
    SOUND_ENCODER,
    SOUND_PARTS,
    belongs_to,
    trained_parts,
)

EXPECTED = {
    "sound_encoder": SOUND_ENCODER,
    "video_pretrain": PICTURE_PARTS,
    "audio_pretrain": SOUND_PARTS,
    "instruct": (*PICTURE_PARTS, *SOUND_PARTS),
}


@pytest.mark.parametrize("stage", EXPECTED)
def test_steps_change_the_trained_parts_and_nothing_else(stage, data_folder, make_recipe, lines):
    recipe = make_recipe(stage, training__batch_size=8)
    setup = prepare(recipe, data_folder, broken=BrokenSamples(0), report=lines)
    objective = setup.objective.train()
    before = {name: t.clone() for name, t in objective.model.state_dict().items()}
    optimizer = torch.optim.AdamW(
        [p for p in objective.parameters() if p.requires_grad], lr=0.01, weight_decay=0.1
    )
    for number in range(3):
        inputs = setup.training[number]
        del inputs["ids"]
        objective(**inputs)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()

    changed = {
        name
        for name, tensor in objective.model.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert all(belongs_to(name, EXPECTED[stage]) for name in changed)
    assert {name.split(".", 1)[0] for name in changed} == set(EXPECTED[stage])
    assert trained_parts(recipe) == EXPECTED[stage]


def test_captions_alone_leave_the_sound_branch(data_folder, make_recipe):
    recipe = make_recipe("instruct", clips__questions="captions")
    assert trained_parts(recipe) == PICTURE_PARTS


def test_frozen_parts_run_as_in_use(data_folder, make_recipe, lines):
    recipe = make_recipe("instruct")
    objective = prepare(recipe, data_folder, broken=BrokenSamples(0), report=lines).objective
    objective.train()
    assert objective.model.video_qformer.training
    assert not objective.model.language_model.training
    assert not any(module.training for module in objective.model.vision_encoder.modules())
