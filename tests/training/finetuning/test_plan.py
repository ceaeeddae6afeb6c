"""What --dry-run tells, from configurations alone."""

import pytest

from videollama.errors import CheckpointError, DataError, ModelNotFoundError
from videollama.training.plan import plan_run


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


def test_epochs_become_steps_and_the_sources_are_counted(own_folder, make_finetune):
    plan = plan_run(make_finetune(training__max_steps=0, training__epochs=2.0), own_folder)
    assert (plan.steps, plan.samples_seen, plan.epochs) == (5, 10, 2.0)
    assert plan.samples == {".": 5, "held out": 1}
    assert plan.weights == {".": 1.0}


def test_mistakes_are_told_without_any_weights(own_folder, make_finetune):
    with pytest.raises(ModelNotFoundError, match="The size of '14B' is not known"):
        plan_run(make_finetune(model__load="14B"), own_folder)
    with pytest.raises(CheckpointError, match="neither a folder with a language model nor one of"):
        plan_run(make_finetune(model__decoder="14B"), own_folder)
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        plan_run(make_finetune(), own_folder / "nowhere")
