"""float16: what is held in it, and that an overflow costs a step and no more."""

import json

import pytest
import torch
from safetensors.torch import load_file

from tests.training.test_run import Killed, losses
from videollama.errors import DataError
from videollama.training.finetuning.prompted_answers import PromptedAnswers
from videollama.training.finetuning.trainable_model import load_trainable
from videollama.training.plan import plan_run
from videollama.training.run import train
from videollama.training.trainer import ObjectiveTrainer

FLOAT16 = {"training__precision": "float16"}


def scales(folder):
    entries = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [e["loss_scale"] for e in entries if e["kind"] == "train"]


def learned_after(step, folder):
    return load_file(folder / f"checkpoint-{step}" / "model.safetensors")


def overflow_at(monkeypatch, steps):
    """Gradients of these batches (all: None) are infinite; their losses are as ever."""
    step = ObjectiveTrainer.compute_loss

    def compute_loss(trainer, model, inputs, *args, **kwargs):
        loss = step(trainer, model, inputs, *args, **kwargs)
        if steps is None or trainer.state.global_step + 1 in steps:
            loss.register_hook(lambda gradient: gradient * float("inf"))
        return loss

    monkeypatch.setattr(ObjectiveTrainer, "compute_loss", compute_loss)


def test_only_the_decoder_is_held_in_half_and_the_losses_are_nearly_those_of_float32(
    tmp_path, own_folder, make_finetune, lines
):
    whole = make_finetune(training__sample_every=4)
    half = make_finetune(training__sample_every=4, **FLOAT16)
    model, _ = load_trainable(half)
    kinds = {parameter.dtype for parameter in model.language_model.parameters()}
    assert kinds == {torch.float16}
    train(whole, own_folder, tmp_path / "whole", report=lines)
    finished = train(half, own_folder, tmp_path / "half", report=lines)
    assert {tensor.dtype for tensor in load_file(finished.weights).values()} == {torch.float32}
    exact, rounded = losses(tmp_path / "whole"), losses(tmp_path / "half")
    assert rounded != exact
    assert rounded == pytest.approx(exact, abs=0.01)
    assert scales(tmp_path / "half") == [65536.0] * 4
    assert not any("loss_scale" in line for line in lines)
    plans = [plan_run(make_finetune(training__precision=p), own_folder).memory_bytes
             for p in ("float32", "bfloat16", "float16")]  # fmt: skip
    assert plans[2] == plans[1] != plans[0]


def test_a_step_that_overflows_is_left_out_and_a_killed_run_knows_the_scale(
    tmp_path, own_folder, make_finetune, lines, monkeypatch
):
    saving = {"training__save_every": 1, "training__keep_checkpoints": 9}
    recipe = make_finetune(**FLOAT16, **saving, training__max_steps=5)
    overflow_at(monkeypatch, {2})
    train(recipe, own_folder, tmp_path / "whole", report=lines)
    assert scales(tmp_path / "whole") == [65536.0, *[32768.0] * 4]
    one, two, three = (learned_after(step, tmp_path / "whole") for step in (1, 2, 3))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(two[name], three[name]) for name in two)

    step = ObjectiveTrainer.training_step

    def killed_in_step_4(trainer, *args, **kwargs):
        if trainer.state.global_step == 3:
            raise Killed
        return step(trainer, *args, **kwargs)

    with monkeypatch.context() as kill:
        kill.setattr(ObjectiveTrainer, "training_step", killed_in_step_4)
        with pytest.raises(Killed):
            train(recipe, own_folder, tmp_path / "parts", report=lines)
    train(recipe, own_folder, tmp_path / "parts", resume=True, report=lines)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert scales(tmp_path / "parts") == scales(tmp_path / "whole")


def test_gradients_that_always_overflow_end_the_run(
    tmp_path, own_folder, make_finetune, lines, monkeypatch
):
    recipe = make_finetune(**FLOAT16, training__max_steps=40, training__validate_every=40)
    overflow_at(monkeypatch, None)
    told = r"^Gradients overflow float16 at step 30 .*training\.precision bfloat16 or float32\.$"
    with pytest.raises(DataError, match=told):
        train(recipe, own_folder, tmp_path / "run", report=lines)


def test_a_loss_that_is_no_number_names_the_other_precisions(
    tmp_path, own_folder, make_finetune, lines, monkeypatch
):
    forward = PromptedAnswers.forward

    def mad(objective, **batch):
        numbers = forward(objective, **batch)
        return {**numbers, "loss": numbers["loss"] * float("nan")}

    monkeypatch.setattr(PromptedAnswers, "forward", mad)
    told = r"The loss is nan at step 1; .*with training\.precision bfloat16 or float32\.$"
    with pytest.raises(DataError, match=told):
        train(make_finetune(**FLOAT16), own_folder, tmp_path / "run", report=lines)
