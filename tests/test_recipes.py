"""Every shipped recipe is valid, and takes its steps at a size of seconds."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from tests.synthetic import write_clip, write_picture
from tests.training.conftest import *  # noqa: F403  (the small data folder and its recipes)
from videollama.checkpoints.tensor_files import read_tensors
from videollama.training.plan import plan_run
from videollama.training.recipe_file import check_recipe, load_recipe
from videollama.training.run import train
from videollama.training.stages import PICTURE_PARTS, SOUND_PARTS

FILES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))
OWN = [file for file in FILES if load_recipe(file).stage == "finetune"]
RECIPES = [file for file in FILES if file not in OWN]
RELEASED_PARAMETERS = {"video": 22_104_064, "audio": 22_855_680}


def test_there_are_recipes_for_every_stage():
    assert {load_recipe(file).stage for file in FILES} == {
        "sound_encoder",
        "video_pretrain",
        "audio_pretrain",
        "instruct",
        "finetune",
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


@pytest.fixture(scope="module")
def annotations(tmp_path_factory):
    """The folders that the recipes for one's own data name, a few entries in each."""
    folder = tmp_path_factory.mktemp("annotated")
    numbers = range(4)
    captions = [{"image_id": str(n), "caption": f"A square, {n}."} for n in numbers]
    asked = [
        {
            "id": str(n),
            "image": f"{n:012}.jpg",
            "conversations": [
                {"from": "human", "value": "<image>\nWhat is shown?"},
                {"from": "gpt", "value": "A square."},
            ],
        }
        for n in numbers
    ]
    chats = [{"video": f"{n}.mp4", "QA": [{"q": "What moves?", "a": "A square."}]} for n in numbers]
    rows = "".join(f"{n},u,PT00H00M01S,page,A square moves\n" for n in numbers)
    texts = {
        "webvid/results_train.csv": f"videoid,contentUrl,duration,page_dir,name\n{rows}",
        "cc3m/filter_cap.json": json.dumps({"annotations": captions}),
        "cc_sbu_align/filter_cap.json": json.dumps({"annotations": captions}),
        "llava_instruct/llava_instruct_150k.json": json.dumps(asked),
        "videochat/videochat_instruct_11k.json": json.dumps(chats),
        "questions.csv": "file,question,answer\na.mp4,What?,This.\nb.mp4,What?,That.\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    for n in numbers:
        write_clip(folder / "webvid" / f"{n}.mp4", seconds=0.5, sound=None)
        for target in ("webvid/videos/page", "videochat"):
            (folder / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "webvid" / f"{n}.mp4", folder / target / f"{n}.mp4")
        for target in ("cc3m/image", "cc_sbu_align/image", "llava_instruct/train2014"):
            (folder / target).mkdir(parents=True, exist_ok=True)
            name = f"COCO_train2014_{n:012}" if "llava" in target else str(n)
            write_picture(folder / target / f"{name}.jpg")
    return folder


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recipe_can_be_planned_without_weights(annotations, file):
    recipe = load_recipe(file)
    plan = plan_run(recipe, annotations)
    assert plan.steps > 0
    assert all(size > 0 for size in plan.memory_bytes.values())
    if file in OWN and recipe.model.load is not None:
        assert plan.trained_parameters == RELEASED_PARAMETERS[recipe.model.branch]
        assert sum(plan.weights.values()) == pytest.approx(1)


@pytest.mark.parametrize("name", sorted(f.stem for f in OWN if f.stem != "finetune"))
def test_a_recipe_of_the_released_family_takes_its_steps(
    tmp_path, annotations, released_folder, lines, name
):
    file = next(file for file in OWN if file.stem == name)
    small = {"model.load": released_folder, "training.max_steps": 2, "training.batch_size": 3}
    recipe = load_recipe(file, [f"{key}={value}" for key, value in small.items()])
    finished = train(recipe, annotations, tmp_path / "run", report=lines)
    assert (finished.steps, finished.num_broken) == (2, 0)
    branch = {"video": PICTURE_PARTS, "audio": SOUND_PARTS}[recipe.model.branch]
    learned, before = load_file(finished.weights), read_tensors(released_folder)
    assert {name.split(".")[0] for name in learned} <= set(branch)
    assert any(not torch.equal(tensor, before[name]) for name, tensor in learned.items())
