"""What --dry-run tells, from configurations alone."""

import pytest
import yaml

from videollama.checkpoints.memory_estimate import estimate_memory
from videollama.errors import CheckpointError, DataError, ModelNotFoundError, RecipeError
from videollama.training.plan import plan_run
from videollama.training.recipe_file import check_recipe


@pytest.mark.parametrize(
    ("branch", "sound", "parameters"),
    [("video", "none", 22_104_064), ("audio", "frames", 22_855_680)],
)
def test_a_branch_of_the_7b_model_has_as_many_parameters_as_the_released_file(
    own_folder, make_finetune, branch, sound, parameters
):
    changes = {"model__load": "7B", "model__branch": branch, "samples__sound": sound}
    plan = plan_run(make_finetune(**changes), own_folder)
    assert plan.trained_parameters == parameters
    assert plan.memory_bytes["decoder"] == 4 * 6_738_415_616


def test_time_follows_from_the_operations_and_a_speed(own_folder, make_finetune):
    changes = {"model__load": "7B", "model__branch": "video", "samples__sound": "none"}
    recipe = make_finetune(**changes)
    fast = plan_run(recipe, own_folder, with_time=True, peak_tflops=1000.0).time
    slow = plan_run(recipe, own_folder, with_time=True, peak_tflops=10.0).time
    assert slow.step_seconds == pytest.approx(100 * fast.step_seconds)
    assert slow.training_seconds == pytest.approx(4 * slow.step_seconds)
    assert "40% of 10 TFLOP/s" in slow.basis
    tokens = 2 * (32 + 8 + 16)  # two samples with their media and marks, and a few words
    decoder = 4 * 6_607_343_616 * tokens  # all weights but the word table, there and back
    assert 1.0 < slow.step_seconds * 4e12 / decoder < 1.3
    vit = 2 * 985_000_000 * 257 * 2  # two frames through EVA ViT-G's linear layers
    assert 1.0 < slow.encoding_seconds * 4e12 / (vit * 5) < 1.3


def test_features_that_are_not_kept_are_encoded_at_every_step(own_folder, make_finetune):
    changes = {"training__max_steps": 40}
    kept, anew = (
        plan_run(
            make_finetune(**changes, data__keep_features=keeps),
            own_folder,
            with_time=True,
            peak_tflops=1.0,
        ).time
        for keeps in (True, False)
    )
    assert anew.encoding_seconds == pytest.approx(kept.encoding_seconds * 80 / 5)


def test_the_speed_is_measured_where_none_is_given(own_folder, make_finetune):
    plan = plan_run(make_finetune(), own_folder, with_time=True)
    assert plan.time.step_seconds > 0
    assert "measured on this machine" in plan.time.basis
    assert plan_run(make_finetune(), own_folder).time is None


def test_epochs_become_steps_and_the_sources_are_counted(own_folder, make_finetune):
    plan = plan_run(make_finetune(training__max_steps=0, training__epochs=2.0), own_folder)
    assert (plan.steps, plan.samples_seen, plan.epochs) == (5, 10, 2.0)
    assert plan.samples == {own_folder.name: 5, "held out": 1}
    assert plan.weights == {own_folder.name: 1.0}


def test_mistakes_are_told_without_any_weights(own_folder, make_finetune):
    with pytest.raises(ModelNotFoundError, match="The size of '14B' is not known"):
        plan_run(make_finetune(model__load="14B"), own_folder)
    with pytest.raises(CheckpointError, match="neither a folder with a language model nor one of"):
        plan_run(make_finetune(model__decoder="14B"), own_folder)
    with pytest.raises(RecipeError, match=r"4-bit, which training\.fsdp cannot spread"):
        plan_run(make_finetune(model__quantization="4-bit", training__fsdp=True), own_folder)
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        plan_run(make_finetune(), own_folder / "nowhere")


def test_a_decoder_in_4_bits_takes_what_loading_it_takes(own_folder, make_finetune):
    changes = {"model__load": "7B", "model__branch": "video", "training__precision": "bfloat16"}
    plan = plan_run(make_finetune(**changes, model__quantization="4-bit"), own_folder)
    assert plan.memory_bytes["decoder"] == estimate_memory("7B").bytes["4-bit"]["decoder"]
    whole = plan_run(make_finetune(**changes), own_folder)
    assert plan.memory_bytes["decoder"] < 0.31 * whole.memory_bytes["decoder"]
    assert plan.trained_parameters == whole.trained_parameters


@pytest.mark.parametrize("load", ["7B", None])
def test_what_is_named_to_save_memory_does(own_folder, make_finetune, model_folder, load):
    changes = {"model__load": load or str(model_folder), "model__branch": "video"}
    recipe = make_finetune(**changes, lora__rank=8, samples__sound="none")
    plan = plan_run(recipe, own_folder)
    sizes = [saving.bytes for saving in plan.memory_savings]
    assert len(sizes) == 5
    assert sizes[:4] == sorted(sizes[:4], reverse=True)
    assert plan.memory_savings[4].settings.startswith("samples.max_tokens=")
    assert min(sizes) > 0
    for saving in plan.memory_savings:
        content = recipe.model_dump()
        for setting in saving.settings.split():
            path, value = setting.split("=")
            section, key = path.split(".")
            content[section][key] = yaml.safe_load(value)
        less = plan_run(check_recipe(content, "test"), own_folder)
        assert less.samples_seen == plan.samples_seen
        wanted = sum(plan.memory_bytes.values()) - saving.bytes
        assert sum(less.memory_bytes.values()) == wanted, saving.settings


def test_the_largest_part_decides_what_is_named_first(own_folder, make_finetune):
    changes = {"model__load": "7B", "model__branch": "video", "samples__sound": "none"}
    halved = {"training__precision": "bfloat16", "model__quantization": "4-bit"}
    for more, first in (
        ({}, "model.quantization=4-bit"),
        (halved | {"training__batch_size": 8}, "training.gradient_checkpointing=true"),
    ):
        plan = plan_run(make_finetune(**changes, **more), own_folder)
        assert plan.memory_savings[0].settings.startswith(first)
        assert plan.memory_savings[0].refused_on == ("mps" if "4-bit" in first else "")
