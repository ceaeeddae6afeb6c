"""PEFT adapters (LoRA and its kin), merged into the weights they were trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.checkpoints.resolve import read_json
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from videollama.configuration import VideoLlamaConfig


def base_model_of(folder: Path) -> str:
    """The model that an adapter says it was trained on.

    Raises:
        CheckpointError: the adapter does not say.
    """
    named = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    if not named:
        raise CheckpointError(
            f"{folder} is an adapter that does not name its base model; set "
            "base_model_name_or_path in its adapter_config.json."
        )
    return str(named)


def merge_adapter(model: Any, folder: Path) -> Any:
    """Merge an adapter into a transformers model.

    Args:
        model: the model it was trained on; changed in place.
        folder: holds adapter_config.json and adapter_model.safetensors (or .bin).

    Returns:
        The same model with the adapter's changes in its weights.

    Raises:
        CheckpointError: peft is not installed, or the adapter does not fit.
    """
    try:
        from peft import PeftModel
    except ImportError as error:
        raise CheckpointError(
            f"{folder} is a PEFT adapter, and peft is not installed; run "
            "`pip install videollama[lora]`."
        ) from error
    _require_weights(folder)
    try:
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:160]
        raise CheckpointError(f"The adapter {folder} does not fit its base ({reason}).") from error


def merge_adapter_into_tensors(
    folder: Path, config: "VideoLlamaConfig", state_dict: "dict[str, Tensor]"
) -> "dict[str, Tensor]":
    """Merge an adapter trained on a Video-LLaMA, or on its decoder alone.

    Raises:
        CheckpointError: peft is not installed, or the adapter does not fit.
    """
    import torch

    from videollama.checkpoints.assemble import assemble

    model = assemble(
        config,
        state_dict,
        places={"": torch.device("cpu")},
        dtype=torch.float32,
        origin=base_model_of(folder),
    )
    if any("language_model." in name for name in _tensor_names(folder)):
        model = merge_adapter(model, folder)
    else:
        model.language_model = merge_adapter(model.language_model, folder)
    merged = model.state_dict()
    return {name: merged[name] for name in state_dict}


def _tensor_names(folder: Path) -> list[str]:
    from videollama.checkpoints.tensor_files import read_tensor_file

    return list(read_tensor_file(_require_weights(folder)))


def _require_weights(folder: Path) -> Path:
    for name in ("adapter_model.safetensors", "adapter_model.bin"):
        if (folder / name).exists():
            return folder / name
    raise CheckpointError(
        f"{folder} has no adapter_model.safetensors; the adapter is not complete."
    )
