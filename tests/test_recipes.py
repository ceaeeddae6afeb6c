"""Every shipped recipe is valid, and takes its steps at a size of seconds."""

from pathlib import Path

import pytest
import yaml

from tests.training.conftest import *  # noqa: F403  (the small data folder and its recipes)
from videollama.training.recipe_file import check_recipe, load_recipe
from videollama.training.run import train

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))


def test_there_are_recipes_for_every_stage():
    assert {load_recipe(file).stage for file in RECIPES} == {
        "sound_encoder",
        "video_pretrain",
        "audio_pretrain",
        "instruct",
    }


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_takes_its_steps(tmp_path, data_folder, small, lines, file):
    recipe = check_recipe(small(yaml.safe_load(file.read_text())), file.name)
    finished = train(recipe, data_folder, tmp_path / file.stem, report=lines)
    assert finished.steps == 4
    assert finished.weights.exists()
    assert any(line.startswith("validation after step 4: loss ") for line in lines)


def test_recipes_begin_with_what_other_recipes_end_with():
    stems = {file.stem for file in RECIPES}
    for file in RECIPES:
        for place in load_recipe(file).start_from:
            assert place.removeprefix("runs/") in stems
