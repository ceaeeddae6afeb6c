"""LoRA on the decoder: beside the released files, on the default model, on a whole model."""

import json
import sys

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from videollama.checkpoints.load import load_model
from videollama.errors import CheckpointError


def write_adapter(model, folder, base):
    """An adapter that changes something, as peft saves it."""
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        adapted = get_peft_model(model, lora)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    path = folder / "adapter_config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "base_model_name_or_path": str(base)}))
    return adapted.merge_and_unload()


@pytest.fixture
def with_adapter(released_copy):
    """The released folder with a LoRA of its decoder; and the merged decoder it stands for."""
    base = released_copy / "llama-2-7b-chat-hf"
    decoder = AutoModelForCausalLM.from_pretrained(base)
    base.rename(released_copy.parent / "llama-2-7b-chat-hf")
    merged = write_adapter(
        decoder,
        released_copy / "llama-2-chat-lora",
        released_copy.parent / "llama-2-7b-chat-hf",
    )
    return released_copy, merged.state_dict()


def test_a_decoder_may_be_an_adapter(with_adapter, released_folder):
    folder, merged = with_adapter
    adapted = load_model(folder, device="cpu")[0].language_model.state_dict()
    plain = load_model(released_folder, device="cpu")[0].language_model.state_dict()
    for name, tensor in adapted.items():
        assert torch.allclose(tensor, merged[name], atol=1e-6), name
        assert torch.equal(tensor, plain[name]) != ("q_proj" in name or "v_proj" in name), name


def test_an_adapter_without_its_base_names_it(with_adapter):
    folder, _ = with_adapter
    (folder.parent / "llama-2-7b-chat-hf" / "config.json").unlink()
    with pytest.raises(CheckpointError, match="llama-2-7b-chat-hf, which is not here"):
        load_model(folder)


@pytest.mark.parametrize("part", ["decoder", "whole"])
def test_an_adapter_on_a_model_of_ours(tmp_path, tiny_model, tiny_processor, part):
    tiny_model.save_pretrained(tmp_path / "base")
    tiny_processor.save_pretrained(tmp_path / "base")
    base, _ = load_model(tmp_path / "base", device="cpu")
    plain = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    target = base.language_model if part == "decoder" else base
    write_adapter(target, tmp_path / "lora", tmp_path / "base")
    adapted, _ = load_model(tmp_path / "lora", device="cpu")
    state_dict = adapted.state_dict()
    assert state_dict.keys() == plain.keys()
    changed = {name for name in plain if not torch.equal(state_dict[name], plain[name])}
    assert changed == {
        f"language_model.model.layers.{layer}.self_attn.{name}_proj.weight"
        for layer in range(2)
        for name in "qv"
    }


def test_an_adapter_that_is_not_complete(tmp_path, tiny_model, tiny_processor):
    tiny_model.save_pretrained(tmp_path / "base")
    tiny_processor.save_pretrained(tmp_path / "base")
    (tmp_path / "lora").mkdir()
    config = {"base_model_name_or_path": str(tmp_path / "base")}
    (tmp_path / "lora" / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"no adapter_model\.safetensors"):
        load_model(tmp_path / "lora", device="cpu")
    (tmp_path / "lora" / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not name its base"):
        load_model(tmp_path / "lora", device="cpu")


def test_without_peft_the_remedy_is_told(with_adapter, monkeypatch):
    folder, _ = with_adapter
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(CheckpointError, match=r"pip install videollama\[lora\]"):
        load_model(folder)
