import math

import pytest
import torch
from torch.nn.functional import normalize

from videollama.training.broken_samples import BrokenSamples
from videollama.training.preparation import prepare


@pytest.fixture
def setup(data_folder, make_recipe, lines):
    recipe = make_recipe(
        "video_pretrain", training__batch_size=9, network__num_video_query_tokens=4
    )
    return prepare(recipe, data_folder, broken=BrokenSamples(0), report=lines)


def batch_of(setup, number=0):
    batch = setup.training[number]
    del batch["ids"]
    return batch


def test_each_half_of_the_queries_names_its_own_scene(setup):
    objective = setup.objective.eval()
    batch = next(b for b in (batch_of(setup, n) for n in range(4)) if b["mask"].shape[1] > 1)
    with torch.no_grad():
        queries = objective.model.encode_video(batch["features"], batch["mask"])
        queries = normalize(queries - objective.naming.centre, dim=-1)
        expected = 0.0
        for sample in range(9):
            for half in (0, 1):
                cosines = queries[sample, 2 * half : 2 * half + 2] @ objective.naming.directions.T
                scores = (
                    torch.logsumexp(12.0 * cosines, 0) - math.log(2) + objective.naming.word_bias
                )
                chance = torch.sigmoid(scores)
                share = batch["word_shares"][sample, half]
                expected -= float((share * chance.log() + (1 - share) * (1 - chance).log()).sum())
        found = float(objective(**batch)["words"])
    assert found == pytest.approx(expected / 18, rel=1e-3)


def test_names_are_learned(setup):
    objective = setup.objective.train()
    optimizer = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad], lr=0.01)
    batch = batch_of(setup)
    first = objective(**batch)["loss"].item()
    for _ in range(60):
        objective(**batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert objective(**batch)["loss"].item() < 0.8 * first


def test_scale_and_biases_learn_faster(setup):
    assert setup.objective.rate_of("naming.word_scale") == 3.0
    assert setup.objective.rate_of("model.video_projection.weight") == 1.0
