"""Turn any model into a folder of ours, its trained part back, or its decoder by itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from videollama.checkpoints.assemble import require_all_tensors
from videollama.checkpoints.atomic_output import new_file, new_folder
from videollama.checkpoints.load import read_model
from videollama.checkpoints.original_export import trained_tensors_as_original
from videollama.checkpoints.resolve import resolve
from videollama.errors import CheckpointError, InputError, OutputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

Target = Literal["videollama", "original", "decoder"]
DTYPES = ("keep", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote.

    Attributes:
        path: the folder or the `.pth` file.
        num_tensors: tensors in it.
        num_parameters: numbers in them.
        size_bytes: size of the weights on disk.
    """

    path: Path
    num_tensors: int
    num_parameters: int
    size_bytes: int


def convert(
    ref: str | Path | None,
    out: Path,
    *,
    to: Target = "videollama",
    dtype: str = "keep",
    imagebind_vision: bool = False,
) -> Converted:
    """Convert a model; the result appears whole or not at all.

    Args:
        ref: see `videollama.checkpoints.resolve.resolve`.
        out: a new folder; with `to="original"` a new `.pth` file.
        to: "videollama" writes config, processor and safetensors; "original" writes the trained
            branches as `{"model": …}`, which the original reads as its `ckpt`; "decoder" writes the
            language model alone, as transformers and vLLM read it, without its tokenizer.
        dtype: number type of the weights, "keep" leaves each as it is.
        imagebind_vision: keep ImageBind's vision trunk, wanted only to train the audio branch.

    Raises:
        CheckpointError: the files do not form a working model, or have no form in the original.
        OutputError: the place is taken, read-only or full.
        InputError: an unknown dtype.
    """
    if dtype not in DTYPES:
        raise InputError(f"Unknown dtype {dtype!r}; use {', '.join(DTYPES)}.")
    if out.exists():
        raise OutputError(f"{out} exists already; choose another place or remove it first.")
    config, state_dict, processor = read_model(resolve(ref), imagebind_vision=imagebind_vision)
    require_all_tensors(config, state_dict, origin=str(ref or "the default model"))
    state_dict = _cast(state_dict, dtype)
    if to == "original":
        if config.family != "released":
            raise CheckpointError(
                f"{ref or 'The default model'} is of the {config.family} family, whose parts the "
                "original does not have; only released models can be written for it."
            )
        return _write_original(trained_tensors_as_original(state_dict), out)
    if to == "decoder":
        return _write_decoder(config.text_config, state_dict, out)
    with new_folder(out) as draft:
        from huggingface_hub import save_torch_state_dict

        config.architectures = ["VideoLlamaForConditionalGeneration"]
        config.save_pretrained(draft)
        processor.save_pretrained(draft)
        save_torch_state_dict(state_dict, draft, metadata={"format": "pt"})
    return _summary(out, state_dict)


def _write_original(tensors: "dict[str, torch.Tensor]", out: Path) -> Converted:
    import torch

    if out.suffix != ".pth":
        raise InputError(f"{out} must end in .pth when writing for the original.")
    with new_file(out) as draft:
        torch.save({"model": {name: tensor.clone() for name, tensor in tensors.items()}}, draft)
    return _summary(out, tensors)


def _write_decoder(
    config: "PreTrainedConfig", state_dict: "dict[str, torch.Tensor]", out: Path
) -> Converted:
    from huggingface_hub import save_torch_state_dict
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    prefix = "language_model."
    tensors = {
        name.removeprefix(prefix): tensor
        for name, tensor in state_dict.items()
        if name.startswith(prefix)
    }
    config.architectures = [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config.model_type]]
    with new_folder(out) as draft:
        config.save_pretrained(draft)
        save_torch_state_dict(tensors, draft, metadata={"format": "pt"})
    return _summary(out, tensors)


def _cast(state_dict: "dict[str, torch.Tensor]", dtype: str) -> "dict[str, torch.Tensor]":
    if dtype == "keep":
        return state_dict
    import torch

    wanted = getattr(torch, dtype)
    return {
        name: tensor.to(wanted) if tensor.is_floating_point() else tensor
        for name, tensor in state_dict.items()
    }


def _summary(path: Path, tensors: "dict[str, torch.Tensor]") -> Converted:
    weights = [path] if path.is_file() else path.glob("*.safetensors")
    return Converted(
        path=path,
        num_tensors=len(tensors),
        num_parameters=sum(tensor.numel() for tensor in tensors.values()),
        size_bytes=sum(file.stat().st_size for file in weights),
    )
