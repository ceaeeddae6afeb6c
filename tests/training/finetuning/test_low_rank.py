"""LoRA: what is learned, what comes out, and that it goes on exactly."""

import copy

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from tests.training.test_run import losses
from videollama.checkpoints.load import load_model
from videollama.checkpoints.skeleton import skeleton_of
from videollama.errors import RecipeError
from videollama.training.finetune_recipe import LoraSection
from videollama.training.finetuning.low_rank import add_low_rank, merge_low_rank
from videollama.training.finetuning.prompted_answers import PromptedAnswers
from videollama.training.finetuning.trainable_model import load_trainable, trained_parts
from videollama.training.plan import plan_run
from videollama.training.planned_memory import planned_memory
from videollama.training.planned_time import count_work
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
    wrong = make_finetune(lora__target_modules=["query"])
    with pytest.raises(RecipeError, match=r"names query, which is no linear layer .* q_proj"):
        train(wrong, own_folder, tmp_path / "run", report=lines)
    with pytest.raises(RecipeError, match=r"unknown key lora\.rnk; did you mean lora\.rank\?"):
        make_finetune(lora__rnk=2)


@pytest.mark.parametrize("targets", [None, ["q_proj", "mlp.down_proj"]])
def test_a_plan_counts_what_a_model_trains(own_folder, make_finetune, targets):
    changes = {} if targets is None else {"lora__target_modules": targets}
    recipe = make_finetune(**changes, lora__rank=3)
    objective = PromptedAnswers(load_trainable(recipe)[0], trained_parts(recipe))
    trained = {n: p.numel() for n, p in objective.named_parameters() if p.requires_grad}
    plan = plan_run(recipe, own_folder)
    assert plan.trained_parameters == sum(trained.values())
    learned = sum(size for name, size in trained.items() if ".lora_" in name)
    counted = {part.name: part.parameters for part in plan.parts if part.trained}
    assert counted["low-rank changes"] == learned > 0
    plain = plan_run(make_finetune(), own_folder)
    difference = plan.memory_bytes["trained parts"] - plain.memory_bytes["trained parts"]
    assert difference == 4 * 4 * learned  # with gradient and two means, in float32
    assert plan.memory_bytes["decoder"] == plain.memory_bytes["decoder"]


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_plan_counts_what_the_backward_pass_keeps(make_finetune, dropout):
    recipes = make_finetune(), make_finetune(lora__rank=3, lora__dropout=dropout)
    plain, changed = (kept_of_one_sample(recipe, num_tokens=20) for recipe in recipes)
    config = load_trainable(recipes[0])[0].config
    told = [
        planned_memory(skeleton_of(config), (), recipe, 20)["backward pass, at most"]
        for recipe in recipes
    ]
    assert plain <= told[0] / 2  # the recipes' batches have two samples
    assert changed <= told[1] / 2
    share = 0.9 if dropout else 0.5  # without dropout, layers that read the same keep it once
    assert share * (told[1] - told[0]) / 2 <= changed - plain <= (told[1] - told[0]) / 2


def test_a_plan_counts_the_operations_of_a_step(make_finetune):
    recipes = make_finetune(), make_finetune(lora__rank=3, lora__dropout=0.0)
    plain, changed = map(operations_of_one_sample, recipes)
    works = []
    for recipe in recipes:
        config = load_trainable(recipe)[0].config
        low_rank = 0 if recipe.lora is None else learned_numbers(recipe)
        model = skeleton_of(config)
        works.append(
            count_work(recipe, model, recipe.training, low_rank=low_rank, tokens=20, files=1)
        )
    more = works[1].trained_flops - works[0].trained_flops
    assert (changed - plain) * 2 == more > 0  # the recipes' batches have two samples


def learned_numbers(recipe):
    decoder = load_trainable(recipe)[0].language_model
    return sum(p.numel() for n, p in decoder.named_parameters() if ".lora_" in n)


def decoder_and_words(recipe, num_tokens=20):
    decoder = load_trainable(recipe)[0].language_model.train()
    for name, parameter in decoder.named_parameters():
        parameter.requires_grad_(".lora_" in name)
    return decoder, torch.randn(1, num_tokens, decoder.config.hidden_size, requires_grad=True)


def operations_of_one_sample(recipe):
    decoder, words = decoder_and_words(recipe)
    with FlopCounterMode(display=False) as counter:
        decoder(inputs_embeds=words, use_cache=False).logits.sum().backward()
    return counter.get_total_flops()


def kept_of_one_sample(recipe, *, num_tokens):
    """Bytes that autograd keeps, the weights left out."""
    decoder, words = decoder_and_words(recipe, num_tokens)
    weights = {parameter.untyped_storage().data_ptr() for parameter in decoder.parameters()}
    kept = {}

    def keep(tensor):
        place = tensor.untyped_storage()
        kept[place.data_ptr()] = (tensor, place.nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        decoder(inputs_embeds=words, use_cache=False)
    return sum(size for place, (_, size) in kept.items() if place not in weights)
