"""QLoRA on the CPU: gradients through rounded layers, and runs that go on exactly."""

from copy import deepcopy

import pytest
import torch
from safetensors.torch import load_file

from tests.synthetic import write_clip
from tests.training.test_run import losses
from videollama import VideoLlama
from videollama.checkpoints.load import load_model
from videollama.errors import RecipeError
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.finetuning import trainable_model
from videollama.training.finetuning.trainable_model import load_trainable
from videollama.training.run import train

bitsandbytes = pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def wide_folder(tmp_path_factory, tiny_config, tiny_processor):
    """A model whose decoder's rows are whole blocks of 64 numbers."""
    config = deepcopy(tiny_config)
    config.text_config.hidden_size = config.text_config.head_dim = 64
    config.text_config.intermediate_size = 128
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("wide") / "model"
    VideoLlamaForConditionalGeneration(config).save_pretrained(folder)
    tiny_processor.save_pretrained(folder)
    return folder


def dequantized(decoder, wide_folder):
    """The same decoder with whole layers of the rounded weights, in float32."""
    whole = load_model(wide_folder, device="cpu", dtype="float32")[0].language_model
    for name, module in whole.named_modules():
        rounded = decoder.get_submodule(name)
        if isinstance(rounded, bitsandbytes.nn.Linear4bit):
            weight = rounded.weight
            module.weight.data = bitsandbytes.functional.dequantize_4bit(
                weight.data, weight.quant_state
            ).float()
        elif isinstance(rounded, bitsandbytes.nn.Linear8bitLt):
            weight = rounded.weight
            module.weight.data = weight.CB.float() * weight.SCB[:, None] / 127
    return whole


def gradient(decoder, words):
    words = words.clone().requires_grad_()
    logits = decoder(inputs_embeds=words, use_cache=False).logits[0].float()
    torch.nn.functional.cross_entropy(logits, torch.arange(len(logits))).backward()
    return words.grad


@pytest.mark.parametrize(("bits", "tolerance"), [("4-bit", 1e-6), ("8-bit", 5e-3)])
def test_gradients_are_those_of_the_rounded_weights_after_a_validation_too(
    wide_folder, make_finetune, bits, tolerance
):
    recipe = make_finetune(model__load=str(wide_folder), model__quantization=bits)
    decoder = load_trainable(recipe)[0].language_model.requires_grad_(False)
    wanted = dequantized(decoder, wide_folder).requires_grad_(False)
    words = torch.randn(1, 12, 64, generator=torch.Generator().manual_seed(1))
    for _ in range(2):
        difference = gradient(decoder, words) - gradient(wanted, words)
        assert difference.norm() <= tolerance * gradient(wanted, words).norm()
        with torch.no_grad():  # where bitsandbytes may lay weights of 4 bits out anew
            decoder(inputs_embeds=words, use_cache=False)


@pytest.mark.parametrize("bits", ["4-bit", "8-bit"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_run_learns_goes_on_exactly_and_its_result_answers(
    tmp_path, own_folder, wide_folder, make_finetune, lines, bits, precision
):
    changes = {
        "model__load": str(wide_folder),
        "model__quantization": bits,
        "lora__rank": 2,
        "training__precision": precision,
        "training__save_every": 1,
        "training__learning_rate": 1e-2,
        "training__sample_every": 4,
    }
    for name, minutes in (("whole", None), ("parts", 1e-9), ("parts", 9.0)):
        recipe = make_finetune(**changes, training__max_minutes=minutes)
        finished = train(recipe, own_folder, tmp_path / name, resume=True, report=lines)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    once = load_file(tmp_path / "whole" / "weights.safetensors")
    twice = load_file(finished.weights)
    assert all(torch.equal(tensor, twice[name]) for name, tensor in once.items())
    learned = [name for name in once if ".lora_B" in name]
    assert all(once[name].abs().max() > 0 for name in learned)  # they begin as zero

    before = load_model(wide_folder, device="cpu")[0].state_dict()
    after = load_model(finished.model, device="cpu")[0].state_dict()
    name = "language_model.model.layers.0.mlp.up_proj"
    change = (
        32.0 / 2 * once[f"{name}.lora_B.default.weight"] @ once[f"{name}.lora_A.default.weight"]
    )
    torch.testing.assert_close(after[f"{name}.weight"], before[f"{name}.weight"] + change)
    clip = write_clip(tmp_path / "clip.mp4", seconds=1.0)
    assert VideoLlama.load(finished.model).ask(clip, "What moves?", max_new_tokens=4).seen


@pytest.mark.parametrize("bits", ["4-bit", "8-bit"])
def test_layers_that_are_computed_twice_learn_the_same(
    tmp_path, own_folder, wide_folder, make_finetune, lines, bits
):
    changes = {"model__load": str(wide_folder), "model__quantization": bits, "lora__rank": 2}
    for name, again in (("kept", False), ("again", True)):
        recipe = make_finetune(**changes, training__gradient_checkpointing=again)
        train(recipe, own_folder, tmp_path / name, report=lines)
    assert losses(tmp_path / "again") == pytest.approx(losses(tmp_path / "kept"), abs=1e-6)


def test_it_does_not_train_on_mps(make_finetune, wide_folder, monkeypatch):
    monkeypatch.setattr(trainable_model, "choose_device", lambda: torch.device("mps"))
    recipe = make_finetune(model__load=str(wide_folder), model__quantization="4-bit")
    with pytest.raises(RecipeError, match="4-bit, which does not train on mps; leave it out"):
        load_trainable(recipe)
