"""LoRA: what is learned, what comes out, and that it goes on exactly."""

import copy

import pytest
import torch
from safetensors.torch import load_file

from tests.training.test_run import losses
from videollama.checkpoints.load import load_model
from videollama.errors import RecipeError
from videollama.training.finetune_recipe import LoraSection
from videollama.training.finetuning.low_rank import add_low_rank, merge_low_rank
from videollama.training.run import train

SECTION = LoraSection(rank=2, alpha=3.0, target_modules=["q_proj", "up_proj"])


def test_merging_gives_what_the_changed_decoder_computes(tiny_model):
    decoder = copy.deepcopy(tiny_model.language_model)
    tensors = {f"language_model.{n}": t.clone() for n, t in decoder.state_dict().items()}
    add_low_rank(decoder, SECTION)
    changes = {n: p for n, p in decoder.named_parameters() if ".lora_" in n}
    assert len(changes) == 2 * 2 * 2
    with torch.no_grad():
        for parameter in changes.values():
            parameter.normal_()
        words = torch.arange(6)[None]
        wanted = decoder.eval()(input_ids=words).logits
        named = {f"language_model.{n}": p.detach() for n, p in changes.items()}
        merged = merge_low_rank(tensors, named, SECTION)
        plain = copy.deepcopy(tiny_model.language_model).eval()
        plain.load_state_dict({n.removeprefix("language_model."): t for n, t in merged.items()})
        torch.testing.assert_close(plain(input_ids=words).logits, wanted, atol=1e-4, rtol=1e-4)
    assert merged.keys() == tensors.keys()


def test_a_run_changes_the_decoder_and_goes_on_exactly(
    tmp_path, own_folder, make_finetune, tiny_model, lines
):
    changes = {"lora__rank": 2, "training__save_every": 1, "training__precision": "bfloat16"}
    for name, minutes in (("whole", None), ("parts", 1e-9), ("parts", 9.0)):
        recipe = make_finetune(**changes, training__max_minutes=minutes)
        finished = train(recipe, own_folder, tmp_path / name, resume=True, report=lines)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    weights = load_file(finished.weights)
    learned = [n for n in weights if ".lora_" in n]
    assert len(learned) == 2 * 7 * 2  # layers, linear layers in each, two matrices
    assert all(weights[name].dtype == torch.float32 for name in learned)

    model, _ = load_model(finished.model, device="cpu")
    before, after = tiny_model.state_dict(), model.state_dict()
    assert before.keys() == after.keys()
    name = "language_model.model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(before[name], after[name])
    name = "language_model.model.embed_tokens.weight"
    assert torch.equal(before[name], after[name])


def test_what_cannot_be_is_one_sentence(tmp_path, own_folder, make_finetune, lines):
    for changes, told in (
        ({"lora__target_modules": ["query"]}, "names query, which is no linear layer .* q_proj"),
        ({"model__quantization": "4-bit"}, "4-bit, which trains on CUDA cards only, not on cpu"),
    ):
        with pytest.raises(RecipeError, match=told):
            train(make_finetune(**changes), own_folder, tmp_path / "run", report=lines)
    with pytest.raises(RecipeError, match=r"unknown key lora\.rnk; did you mean lora\.rank\?"):
        make_finetune(lora__rnk=2)
