"""Whole runs: every stage ends in weights, a stopped run goes on exactly, a mad one ends early."""

import json
import resource

import pytest
import torch
from safetensors.torch import load_file

from videollama.errors import DataError, OutputError, RecipeError
from videollama.training.checkpointing import checkpoints
from videollama.training.run import train
from videollama.training.run_folder import holding
from videollama.training.stages import PICTURE_PARTS, SHIPPED_PARTS
from videollama.training.trainer import ObjectiveTrainer

STAGES = ("sound_encoder", "video_pretrain", "audio_pretrain", "instruct")


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


def losses(folder):
    entries = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return {e["step"]: e["loss"] for e in entries if e["kind"] == "train"}


def parts_in(file):
    return {name.split(".", 1)[0] for name in load_file(file)}


def test_four_stages_end_in_a_model_that_loads(
    tmp_path, data_folder, make_recipe, frozen_parts, lines, monkeypatch
):
    for stage, earlier in (
        ("sound_encoder", []),
        ("video_pretrain", []),
        ("audio_pretrain", ["sound_encoder"]),
        ("instruct", ["sound_encoder", "video_pretrain", "audio_pretrain"]),
    ):
        recipe = make_recipe(stage, start_from=[str(tmp_path / name) for name in earlier])
        finished = train(recipe, data_folder, tmp_path / stage, report=lines)
        assert finished.steps == 4
        entries = map(json.loads, (tmp_path / stage / "log.jsonl").read_text().splitlines())
        assert [e["step"] for e in entries if e["kind"] == "validation"] == [2, 4]
    assert parts_in(tmp_path / "sound_encoder" / "weights.safetensors") == {"audio_encoder"}
    assert parts_in(tmp_path / "video_pretrain" / "weights.safetensors") == set(PICTURE_PARTS)
    assert parts_in(finished.weights) == set(SHIPPED_PARTS)
    assert finished.model == tmp_path / "instruct" / "model"

    note = json.loads((tmp_path / "instruct" / "run.json").read_text())
    assert note["samples"] == {
        "photos": 9, "validation_photos": 3, "sounds": 9, "validation_sounds": 3,
    }  # fmt: skip
    assert note["code"]["version"]

    cached = tmp_path / "cache" / "tiny"
    cached.mkdir(parents=True)
    (cached / "decoder").symlink_to(frozen_parts / "decoder")
    (cached / "vision_encoder.safetensors").symlink_to(frozen_parts / "vision_encoder.safetensors")
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "cache"))
    from videollama.checkpoints.load import load_model

    model, _ = load_model(finished.model, device="cpu")
    trained = load_file(finished.weights)
    torch.testing.assert_close(
        model.video_projection.weight, trained["video_projection.weight"], atol=1e-3, rtol=1e-3
    )


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_computes_in_float16(tmp_path, data_folder, make_recipe, lines, stage):
    for precision in ("float32", "float16"):
        recipe = make_recipe(stage, training__precision=precision, training__max_steps=2)
        finished = train(recipe, data_folder, tmp_path / precision, report=lines)
    assert {tensor.dtype for tensor in load_file(finished.weights).values()} <= {
        torch.float32,
        torch.int64,
    }
    exact, rounded = losses(tmp_path / "float32"), losses(tmp_path / "float16")
    assert 0 < abs(rounded[1] - exact[1]) < 1e-3  # later ones may have left out a step


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_run_goes_on_with_the_very_same_losses(
    tmp_path, data_folder, make_recipe, lines, monkeypatch, stage
):
    recipe = make_recipe(stage, training__max_steps=5)
    train(recipe, data_folder, tmp_path / "whole", report=lines)

    step = ObjectiveTrainer.training_step

    def killed_in_step_4(trainer, *args, **kwargs):
        if trainer.state.global_step == 3:
            raise Killed
        return step(trainer, *args, **kwargs)

    monkeypatch.setattr(ObjectiveTrainer, "training_step", killed_in_step_4)
    with pytest.raises(Killed):
        train(recipe, data_folder, tmp_path / "parts", report=lines)
    monkeypatch.undo()
    assert [path.name for path in checkpoints(tmp_path / "parts")] == ["checkpoint-2"]
    assert list(losses(tmp_path / "parts")) == [1, 2, 3]
    train(recipe, data_folder, tmp_path / "parts", resume=True, report=lines)

    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    once = load_file(tmp_path / "whole" / "weights.safetensors")
    twice = load_file(tmp_path / "parts" / "weights.safetensors")
    assert once.keys() == twice.keys()
    assert all(torch.equal(tensor, twice[name]) for name, tensor in once.items())


def test_a_kill_while_saving_leaves_the_checkpoint_before(
    tmp_path, data_folder, make_recipe, lines, monkeypatch
):
    recipe = make_recipe("audio_pretrain")
    save = ObjectiveTrainer._save_optimizer_and_scheduler

    def killed_at_step_4(trainer, folder):
        if trainer.state.global_step == 4:
            raise Killed
        save(trainer, folder)

    monkeypatch.setattr(ObjectiveTrainer, "_save_optimizer_and_scheduler", killed_at_step_4)
    with pytest.raises(Killed):
        train(recipe, data_folder, tmp_path / "run", report=lines)
    monkeypatch.undo()
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["checkpoint-2"]

    finished = train(recipe, data_folder, tmp_path / "run", resume=True, report=lines)
    assert finished.steps == 4
    assert not (tmp_path / "run" / ".draft").exists()


def test_a_disk_that_fills_up_while_saving_leaves_the_checkpoint_before(
    tmp_path, data_folder, make_recipe, lines, monkeypatch
):
    """A limit on the size of files stands for the full disk; torch's writer meets both alike."""
    recipe = make_recipe("audio_pretrain")
    save = ObjectiveTrainer._save_optimizer_and_scheduler

    def full_at_step_4(trainer, folder):
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        if trainer.state.global_step == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, former[1]))
        try:
            save(trainer, folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)

    monkeypatch.setattr(ObjectiveTrainer, "_save_optimizer_and_scheduler", full_at_step_4)
    told = r"checkpoint-4 could not be .* free some space\. checkpoint-2 is whole; .*--resume"
    with pytest.raises(OutputError, match=told):
        train(recipe, data_folder, tmp_path / "run", report=lines)
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["checkpoint-2"]
    assert not (tmp_path / "run" / ".draft").exists()
    monkeypatch.undo()
    assert train(recipe, data_folder, tmp_path / "run", resume=True, report=lines).steps == 4


def test_old_checkpoints_are_removed(tmp_path, data_folder, make_recipe, lines):
    recipe = make_recipe("audio_pretrain", training__save_every=1, training__keep_checkpoints=2)
    train(recipe, data_folder, tmp_path / "run", report=lines)
    names = [path.name for path in checkpoints(tmp_path / "run")]
    assert names == ["checkpoint-3", "checkpoint-4"]


def test_a_loss_that_is_no_number_ends_the_run_and_names_its_samples(
    tmp_path, data_folder, make_recipe, lines
):
    recipe = make_recipe("audio_pretrain", words__word_weight=1e38, training__max_steps=4)
    with pytest.raises(DataError, match=r"The loss is .* at step \d; .*bad_batch\.json"):
        train(recipe, data_folder, tmp_path / "run", report=lines)
    bad = json.loads((tmp_path / "run" / "bad_batch.json").read_text())
    assert len(bad["samples"]) == 3
    assert all(name.endswith(".wav") for name in bad["samples"])


def test_a_time_limit_ends_with_a_checkpoint_and_weights(tmp_path, data_folder, make_recipe, lines):
    recipe = make_recipe("audio_pretrain", training__max_minutes=1e-9)
    finished = train(recipe, data_folder, tmp_path / "run", report=lines)
    assert finished.steps == 1
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["checkpoint-1"]
    longer = make_recipe("audio_pretrain", training__max_minutes=5.0)
    finished = train(longer, data_folder, tmp_path / "run", resume=True, report=lines)
    assert finished.steps == 4


def test_a_folder_with_a_run_is_not_overwritten_and_not_mixed(
    tmp_path, data_folder, make_recipe, lines
):
    train(make_recipe("audio_pretrain"), data_folder, tmp_path / "run", report=lines)
    with pytest.raises(OutputError, match="holds a run already; go on with --resume"):
        train(make_recipe("audio_pretrain"), data_folder, tmp_path / "run", report=lines)
    other = make_recipe("audio_pretrain", training__learning_rate=5e-4)
    with pytest.raises(RecipeError, match=r"training.learning_rate was 0.001 and is now 0.0005"):
        train(other, data_folder, tmp_path / "run", resume=True, report=lines)


def test_two_trainings_never_share_a_folder(tmp_path, data_folder, make_recipe, lines):
    out = tmp_path / "run"
    recipe = make_recipe("audio_pretrain", training__max_steps=1)
    with holding(out), pytest.raises(OutputError, match=f"Another process trains in {out}"):
        train(recipe, data_folder, out, report=lines)
    assert not (out / "recipe.yaml").exists()
    assert train(recipe, data_folder, out, report=lines).steps == 1


def test_a_run_that_found_no_data_is_not_in_the_way_of_the_next(
    tmp_path, data_folder, make_recipe, lines
):
    recipe = make_recipe("audio_pretrain", training__max_steps=1)
    with pytest.raises(DataError, match="does not exist"):
        train(recipe, tmp_path / "nowhere", tmp_path / "run", report=lines)
    assert train(recipe, data_folder, tmp_path / "run", report=lines).steps == 1


def test_start_from_must_lead_somewhere(tmp_path, data_folder, make_recipe, lines):
    recipe = make_recipe("instruct", start_from=[str(tmp_path / "nothing")])
    with pytest.raises(RecipeError, match="nothing, which holds no weights"):
        train(recipe, data_folder, tmp_path / "run", report=lines)


def test_an_average_is_kept_exactly_over_a_stop_and_is_the_result(
    tmp_path, data_folder, make_recipe, lines
):
    changes = {"training__ema_decay": 0.9, "training__save_every": 1}
    for name, minutes in (("whole", None), ("parts", 1e-9), ("parts", 9.0)):
        recipe = make_recipe("audio_pretrain", training__max_minutes=minutes, **changes)
        train(recipe, data_folder, tmp_path / name, resume=True, report=lines)
    last = load_file(tmp_path / "whole" / "checkpoint-4" / "model.safetensors")
    average = load_file(tmp_path / "whole" / "checkpoint-4" / "average.safetensors")
    once = load_file(tmp_path / "whole" / "weights.safetensors")
    twice = load_file(tmp_path / "parts" / "weights.safetensors")
    for name, tensor in once.items():
        assert torch.equal(tensor, average[f"model.{name}"])
        assert torch.equal(tensor, twice[name])
    name = "audio_projection.weight"
    assert not torch.equal(once[name], last[f"model.{name}"])


def test_a_run_stops_when_validation_gets_no_better_and_gives_its_best_weights(
    tmp_path, data_folder, make_recipe, lines, monkeypatch
):
    validate = ObjectiveTrainer._validate
    worse_from_step_4 = {2: 1.0, 4: 2.0, 6: 3.0}
    monkeypatch.setattr(
        ObjectiveTrainer,
        "_validate",
        lambda trainer: {**validate(trainer), "loss": worse_from_step_4[trainer.state.global_step]},
    )
    changes = {"training__early_stop_patience": 2, "training__max_steps": 20}
    recipe = make_recipe("audio_pretrain", training__keep_checkpoints=9, **changes)
    finished = train(recipe, data_folder, tmp_path / "run", report=lines)
    assert finished.steps == 6
    assert lines[-1] == "the result is of step 2: loss 1.0000"
    kept = load_file(tmp_path / "run" / "checkpoint-2" / "model.safetensors")
    for name, tensor in load_file(finished.weights).items():
        if name.split(".")[0] in ("audio_query_tokens", "audio_qformer", "audio_projection"):
            assert torch.equal(tensor, kept[f"model.{name}"])
    again = train(recipe, data_folder, tmp_path / "run", resume=True, report=lines)
    assert again.steps == 6
