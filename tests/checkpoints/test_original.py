"""What happens to a folder as released: read right, or refused with what would fit."""

import json
import shutil

import pytest
import torch

from tests.checkpoints.original_folder import (
    AUDIO_KEYS,
    VISUAL_KEYS,
    random_tensors,
    write_branch,
    write_decoder,
    write_original,
)
from videollama.checkpoints.load import load_model
from videollama.checkpoints.original import find_original_files
from videollama.checkpoints.original_model import read_original
from videollama.errors import CheckpointError


def test_sizes_and_prompt_come_from_the_files(released_folder):
    config, _, processor = read_original(released_folder)
    assert config.family == "released"
    assert config.prompt_template == processor.prompt_template == "llama_2"
    assert config.vision_config.num_hidden_layers == 3
    assert config.vision_config.hidden_size == 88
    assert config.vision_config.image_size == 224
    assert config.image_qformer_config.num_hidden_layers == 4
    assert config.image_qformer_config.cross_attention_frequency == 2
    assert config.video_qformer_config.cross_attention_frequency == 1
    assert config.num_image_query_tokens == 5
    assert config.num_video_query_tokens == 8
    assert config.num_audio_query_tokens == 4
    assert config.audio_config.vision_config is None
    assert config.text_config.hidden_size == 64
    assert config.video_token_id == 800  # behind the vocabulary


def test_every_weight_arrives(released_folder):
    model, _ = load_model(released_folder, device="cpu", dtype="float32")
    original = random_tensors()
    state_dict = model.state_dict()
    for ours, theirs in {
        "video_projection.weight": "llama_proj.weight",
        "audio_projection.bias": "audio_llama_proj.bias",
        "video_qformer.encoder.layer.1.output_query.dense.weight": (
            "video_Qformer.bert.encoder.layer.1.output_query.dense.weight"
        ),
        "vision_encoder.post_layernorm.weight": "ln_vision.weight",
        "language_model.model.layers.1.mlp.up_proj.weight": (
            "llama_model.model.layers.1.mlp.up_proj.weight"
        ),
    }.items():
        assert torch.equal(state_dict[ours], original[theirs]), ours


def test_a_whole_model_in_one_file_needs_no_frozen_files(released_copy):
    tensors = random_tensors(seed=1)
    for name in ("eva_vit_g.pth", "blip2_pretrained_flant5xxl.pth", "imagebind_huge.pth"):
        (released_copy / name).unlink()
    (released_copy / "AL_LLaMA_2_7B_Finetuned.pth").unlink()
    torch.save({"model": tensors}, released_copy / "VL_LLaMA_2_7B_Finetuned.pth")
    _, state_dict, _ = read_original(released_copy)
    name = "language_model.model.embed_tokens.weight"
    assert torch.equal(state_dict[name], tensors["llama_model.model.embed_tokens.weight"])
    name = "audio_encoder.audio.class_token"
    theirs = "audio_encoder.modality_preprocessors.audio.cls_token"
    assert torch.equal(state_dict[name], tensors[theirs])


def test_without_an_audio_file_the_model_is_deaf(released_copy):
    (released_copy / "AL_LLaMA_2_7B_Finetuned.pth").unlink()
    model, _ = load_model(released_copy, device="cpu")
    assert model.audio_encoder is None


def test_safetensors_decoders_work_as_well(tmp_path, released_folder):
    folder = write_original(tmp_path / "safe", safe=True)
    assert list(folder.glob("llama-2-7b-chat-hf/*.safetensors"))
    here, there = read_original(folder)[1], read_original(released_folder)[1]
    assert here.keys() == there.keys()
    assert all(torch.equal(here[name], there[name]) for name in here)


@pytest.mark.parametrize(
    ("video", "audio", "decoder", "template"),
    [
        ("finetune-vicuna7b-v2.pth", "finetune_vicuna7b_audiobranch.pth", "vicuna-7b", "vicuna"),
        ("finetune-billa7b-zh.pth", None, "BiLLa-7B-SFT", "billa"),
        ("pretrain-ziya13b-zh.pth", None, "Ziya-LLaMA-13B-v1", "ziya"),
        ("my-own-run.pth", None, "my-decoder", "vicuna"),
    ],
)
def test_the_family_decides_the_prompt(tmp_path, video, audio, decoder, template):
    folder = write_original(tmp_path / "m", video=video, audio=audio, decoder=decoder)
    config = read_original(folder)[0]
    assert config.prompt_template == template
    assert config.languages == (["en", "zh"] if template in ("billa", "ziya") else None)


def test_the_runs_settings_tell_the_family_of_a_renamed_file(released_copy):
    path = released_copy / "VL_LLaMA_2_7B_Finetuned.pth"
    content = torch.load(path, weights_only=True)
    content["config"] = {"model": {"llama_model": "ckpt/vicuna-7b/"}}
    torch.save(content, released_copy / "best.pth")
    path.unlink()
    with pytest.raises(CheckpointError, match=r"best\.pth was trained with Vicuna"):
        read_original(released_copy)


def test_a_decoder_of_another_width_is_refused_with_the_one_that_fits(released_copy):
    decoder = released_copy / "llama-2-7b-chat-hf"
    for path in decoder.iterdir():
        path.unlink()
    decoder.rmdir()
    write_decoder(released_copy / "llama-2-13b-chat-hf", random_tensors(), hidden_size=96)
    with pytest.raises(CheckpointError) as refusal:
        load_model(released_copy)
    assert "projects to width 64, but llama-2-13b-chat-hf is 96 wide" in str(refusal.value)
    assert "needs llama-2-7b-chat-hf" in str(refusal.value)


def test_a_vicuna_decoder_under_a_llama_2_checkpoint_is_refused(tmp_path):
    folder = write_original(tmp_path / "m", decoder="vicuna-7b")
    with pytest.raises(
        CheckpointError, match=r"LLaMA-2-Chat, but vicuna-7b .* is Vicuna"
    ) as refusal:
        load_model(folder)
    assert "llama-2-7b-chat-hf" in str(refusal.value)


def test_a_vocabulary_tells_a_family_under_any_name(tmp_path):
    folder = write_original(tmp_path / "m", video="finetune-vicuna7b-v2.pth", audio=None)
    (folder / "llama-2-7b-chat-hf" / "config.json").unlink()
    write_decoder(folder / "renamed", random_tensors(), vocab_size=39424)
    with pytest.raises(
        CheckpointError, match=r"Vicuna, but renamed \(vocabulary of 39424\) is Ziya"
    ):
        load_model(folder)


def test_the_base_llama_2_is_refused(tmp_path):
    folder = write_original(tmp_path / "m", decoder="llama-2-7b-hf")
    with pytest.raises(CheckpointError, match="is the base model, and the chat model is needed"):
        load_model(folder)


def test_an_audio_branch_of_another_family_is_refused_with_the_one_that_fits(tmp_path):
    folder = write_original(
        tmp_path / "m",
        video="finetune-ziya13b-zh.pth",
        audio="finetune_vicuna7b_audiobranch.pth",
        decoder="Ziya-LLaMA-13B-v1",
    )
    with pytest.raises(CheckpointError, match=r"vicuna7b_audiobranch\.pth with Vicuna"):
        load_model(folder)


def test_an_audio_branch_of_another_width_is_refused(released_copy):
    path = released_copy / "AL_LLaMA_2_7B_Finetuned.pth"
    content = torch.load(path, weights_only=True)
    content["model"]["audio_llama_proj.weight"] = torch.zeros(96, 64)
    content["model"]["audio_llama_proj.bias"] = torch.zeros(96)
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"width 64, but AL_LLaMA_2_7B_Finetuned\.pth to 96"):
        load_model(released_copy)


def test_among_several_checkpoints_one_has_to_be_named(released_copy):
    write_branch(released_copy / "VL_LLaMA_2_7B_Pretrained.pth", random_tensors(2), VISUAL_KEYS)
    write_branch(released_copy / "AL_LLaMA_2_7B_Pretrained.pth", random_tensors(2), AUDIO_KEYS)
    with pytest.raises(CheckpointError, match="give the path of the one to use"):
        load_model(released_copy)
    found = find_original_files(released_copy, released_copy / "VL_LLaMA_2_7B_Pretrained.pth")
    assert found.video.path.name == "VL_LLaMA_2_7B_Pretrained.pth"
    assert found.audio.path.name == "AL_LLaMA_2_7B_Pretrained.pth"  # of the same stage


@pytest.mark.parametrize(
    "name", ["eva_vit_g.pth", "blip2_pretrained_flant5xxl.pth", "imagebind_huge.pth"]
)
def test_a_missing_frozen_file_is_named_with_its_address(released_copy, cache, name):
    (released_copy / name).unlink()
    with pytest.raises(CheckpointError, match=f"lacks {name}.*https://"):
        load_model(released_copy)


@pytest.mark.parametrize(
    ("name", "other"),
    [("eva_vit_g.pth", "imagebind_huge.pth"), ("imagebind_huge.pth", "eva_vit_g.pth")],
)
def test_a_frozen_file_under_the_name_of_another_is_named(released_copy, name, other):
    shutil.copy(released_copy / other, released_copy / name)
    with pytest.raises(CheckpointError, match=rf"{name} does not hold .* it has no tensor \w+"):
        read_original(released_copy)


def test_frozen_files_may_lie_in_torch_hubs_folder(released_copy, cache, tmp_path):
    place = tmp_path / "torch" / "hub" / "checkpoints"
    place.mkdir(parents=True)
    (released_copy / "eva_vit_g.pth").rename(place / "eva_vit_g.pth")
    assert read_original(released_copy)[0].vision_config.num_hidden_layers == 3


def test_a_missing_tensor_is_listed(released_copy):
    path = released_copy / "VL_LLaMA_2_7B_Finetuned.pth"
    content = torch.load(path, weights_only=True)
    del content["model"]["llama_proj.bias"]
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"1 missing \(video_projection\.bias\)"):
        load_model(released_copy)


def test_an_unknown_tensor_is_listed(released_copy):
    path = released_copy / "VL_LLaMA_2_7B_Finetuned.pth"
    content = torch.load(path, weights_only=True)
    content["model"]["video_Qformer.bert.something_else"] = torch.zeros(1)
    torch.save(content, path)
    with pytest.raises(
        CheckpointError, match=r"does not have: video_Qformer\.bert\.something_else"
    ):
        load_model(released_copy)


def test_a_tokenizer_of_another_model_is_refused(released_copy):
    decoder = released_copy / "llama-2-7b-chat-hf"
    for path in decoder.iterdir():
        path.unlink()
    decoder.rmdir()
    write_decoder(decoder, random_tensors(), vocab_size=700)
    with pytest.raises(CheckpointError, match="knows 800 tokens, but the decoder 700"):
        load_model(released_copy)


def test_a_decoder_without_its_second_shard_is_half_downloaded(released_copy):
    (released_copy / "llama-2-7b-chat-hf" / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(
        CheckpointError, match=r"half-downloaded: pytorch_model-00002-of-00002\.bin"
    ):
        load_model(released_copy)


def test_no_language_model_at_all(released_copy):
    (released_copy / "llama-2-7b-chat-hf" / "config.json").unlink()
    with pytest.raises(CheckpointError, match="put the folder of llama-2-7b-chat-hf or"):
        load_model(released_copy)


def test_a_vicuna_delta_is_no_language_model(tmp_path):
    folder = write_original(
        tmp_path / "m", video="finetune-vicuna7b-v2.pth", audio=None, decoder="vicuna-7b-delta-v0"
    )
    with pytest.raises(CheckpointError, match="add it to LLaMA first"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num_attention_heads": "many"}, r"'num_attention_heads' expected int, got str"),
        ({"num_attention_heads": 5}, r"is not a multiple of the number of attention heads \(5\)"),
        ({"model_type": "llama9"}, r"model type `llama9`.*update transformers"),
    ],
)
def test_a_decoder_whose_configuration_makes_no_model_is_named(released_copy, change, reason):
    file = released_copy / "llama-2-7b-chat-hf" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(CheckpointError, match=reason) as refusal:
        load_model(released_copy)
    assert str(refusal.value).startswith(str(file))
    assert "\n" not in str(refusal.value)


def test_a_damaged_tokenizer_is_named(released_copy):
    (released_copy / "llama-2-7b-chat-hf" / "tokenizer.model").write_bytes(b"\0garbage" * 50)
    with pytest.raises(CheckpointError, match=r"has no usable tokenizer \(.*parse"):
        load_model(released_copy)
