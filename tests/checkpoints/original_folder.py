"""Makes small folders laid out exactly as the authors' releases: their file names, their key names.

Names and shapes come from a small model of the original code (fixture 08_e2e.json); the values are
random but seeded.
"""

import json
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

FIXTURES = Path(__file__).parents[1] / "fixtures"
HIDDEN_SIZE = 64
VISUAL_KEYS = "released_keys_visual_branch(equip_audio_branch=True here)"
AUDIO_KEYS = "released_keys_audio_branch"


def facts() -> dict:
    return json.loads((FIXTURES / "08_e2e.json").read_text(encoding="utf-8"))


def random_tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    """A whole original model: every key of its state dict."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, (dtype, shape) in facts()["state_dict_keys"].items():
        if dtype == "torch.float32":
            tensors[name] = 0.1 * torch.randn(shape, generator=generator)
        else:
            tensors[name] = torch.zeros(shape, dtype=getattr(torch, dtype.removeprefix("torch.")))
    return tensors


def write_original(
    folder: Path,
    tensors: dict[str, torch.Tensor] | None = None,
    *,
    video: str = "VL_LLaMA_2_7B_Finetuned.pth",
    audio: str | None = "AL_LLaMA_2_7B_Finetuned.pth",
    decoder: str = "llama-2-7b-chat-hf",
    safe: bool = False,
) -> Path:
    """Write a folder as `Video-LLaMA-2-7B-Finetuned` looks, with the frozen encoders beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = tensors or random_tensors()
    write_branch(folder / video, tensors, VISUAL_KEYS)
    if audio is not None:
        write_branch(folder / audio, tensors, AUDIO_KEYS)
    vit = _under(tensors, "visual_encoder.")
    extra = {"norm.weight": torch.ones(88), "head.weight": torch.zeros(10, 88)}
    torch.save({**vit, **extra}, folder / "eva_vit_g.pth")
    blip2 = {key: value for key, value in tensors.items() if key.startswith(("Qformer.", "ln_vis"))}
    blip2["query_tokens"] = tensors["query_tokens"]
    blip2["Qformer.cls.predictions.bias"] = torch.zeros(100)
    blip2["Qformer.bert.encoder.layer.0.output.dense.weight"] = torch.zeros(64, 128)
    torch.save({"model": blip2}, folder / "blip2_pretrained_flant5xxl.pth")
    torch.save(_under(tensors, "audio_encoder."), folder / "imagebind_huge.pth")
    write_decoder(folder / decoder, tensors, safe=safe)
    return folder


def write_branch(path: Path, tensors: dict[str, torch.Tensor], keys: str) -> None:
    """A `.pth` as the original's runner writes it: trained tensors, buffers, Adam's states."""
    model = {key: tensors[key] for key in facts()[keys]}
    adam = {"state": {0: {"step": 1, "exp_avg": torch.zeros(9)}}, "param_groups": [{"lr": 1e-4}]}
    torch.save(
        {"model": model, "optimizer": adam, "config": {}, "scaler": {"scale": 1.0}, "epoch": 3},
        path,
    )


def write_decoder(
    folder: Path, tensors: dict[str, torch.Tensor], *, safe: bool = False, **changes
) -> None:
    """A language model of two shards, with the slow LLaMA tokenizer."""
    folder.mkdir()
    config = LlamaConfig(**{**facts()["configs"]["LlamaConfig"], **changes})
    decoder = LlamaForCausalLM(config)
    own = _under(tensors, "llama_model.")
    if not changes:
        decoder.load_state_dict(
            {key: value for key, value in own.items() if "inv_freq" not in key}, strict=True
        )
    if safe:
        decoder.save_pretrained(folder, max_shard_size="200KB")
    else:
        write_bin_shards(folder, config, decoder.state_dict())
    tokenizer = FIXTURES / "tokenizer/tokenizer.model"
    (folder / "tokenizer.model").write_bytes(tokenizer.read_bytes())


def write_bin_shards(folder: Path, config: LlamaConfig, state_dict: dict) -> None:
    config.save_pretrained(folder)
    names = sorted(state_dict)
    half = len(names) // 2
    weight_map = {}
    for number, shard in enumerate((names[:half], names[half:]), start=1):
        file_name = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: state_dict[name].clone() for name in shard}, folder / file_name)
        weight_map |= dict.fromkeys(shard, file_name)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
