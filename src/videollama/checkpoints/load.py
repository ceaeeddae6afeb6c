"""Load any model reference: the network and its processor, complete and checked."""

from pathlib import Path
from typing import TYPE_CHECKING

from videollama.checkpoints.assemble import assemble
from videollama.checkpoints.devices import (
    check_dtype,
    choose_bits,
    choose_device,
    choose_dtype,
)
from videollama.checkpoints.model_configs import read_generation_config, read_own_config
from videollama.checkpoints.placement import places_of_parts
from videollama.checkpoints.resolve import ResolvedModel, read_json, resolve
from videollama.checkpoints.skeleton import skeleton_of
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    import torch

    from videollama.configuration import VideoLlamaConfig
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor


def load_model(
    ref: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    *,
    decoder_layers: bool = True,
) -> "tuple[VideoLlamaForConditionalGeneration, VideoLlamaProcessor]":
    """Load a model; the default one fetches what it needs the first time.

    Args:
        ref: see `videollama.checkpoints.resolve.resolve`.
        device: "auto", "cpu", "cuda", "cuda:1", "mps". With "auto" a model that is too large for
            one card is spread over all cards, and over main memory where they do not suffice.
        dtype: "auto", "float32", "bfloat16", "float16"; "int8", with which the decoder is read in
            float32 as well; "8-bit" or "4-bit": the decoder's linear layers by bitsandbytes.
        decoder_layers: False leaves them out: such a model writes prompts down as embeddings, for
            a decoder elsewhere.

    Returns:
        The model in evaluation mode on its device, and its processor.

    Raises:
        ModelNotFoundError: `ref` leads nowhere.
        CheckpointError: the files do not form a working model.
        DownloadError: weights could not be fetched.
        InputError: an unknown device or dtype.
    """
    chosen_device = choose_device(device)
    check_dtype(dtype, chosen_device)
    resolved = resolve(ref)
    config, state_dict, processor = read_model(resolved)
    if not decoder_layers:
        state_dict = _without_decoder_layers(config, state_dict)
    bits = choose_bits(dtype)
    number = choose_dtype(dtype, chosen_device, family=config.family)
    places: dict[str, torch.device | int | str] = {"": chosen_device}
    if device == "auto" and chosen_device.type == "cuda":
        places = places_of_parts(config, chosen_device, number, bits=bits)
    model = assemble(
        config,
        state_dict,
        places=places,
        dtype=number,
        bits=bits,
        origin=str(resolved.checkpoint or resolved.folder),
    )
    if resolved.kind == "original":
        model.name_or_path = str(resolved.folder)  # its frozen files serve search as well
    if resolved.kind in ("tiny", "ours"):
        _take_generation_defaults(model, resolved.folder)
    return model, processor


def read_model(
    resolved: ResolvedModel, *, imagebind_vision: bool = False
) -> "tuple[VideoLlamaConfig, dict[str, torch.Tensor], VideoLlamaProcessor]":
    """Read a model without building it.

    Args:
        resolved: what `resolve` found.
        imagebind_vision: keep ImageBind's vision trunk of a model as released.

    Returns:
        Its configuration, its tensors by our names, and its processor.

    Raises:
        CheckpointError: the files do not form a working model.
    """
    if resolved.kind == "adapter":
        return _read_adapted(resolved.folder)
    if resolved.kind == "original":
        from videollama.checkpoints.original_model import read_original

        return read_original(
            resolved.folder, resolved.checkpoint, imagebind_vision=imagebind_vision
        )
    return _read_ours(resolved.folder)


def _read_ours(
    folder: Path,
) -> "tuple[VideoLlamaConfig, dict[str, torch.Tensor], VideoLlamaProcessor]":
    """A folder of ours; what it leaves out of the tiny model comes from the cache."""
    from videollama.checkpoints.tensor_files import read_tensors

    if not (folder / "config.json").exists():
        raise CheckpointError(
            f"{folder} holds no config.json; install the package or fetch the model again."
        )
    config = read_own_config(folder)
    state_dict = read_tensors(folder)
    tokenizer_folder = folder
    if config.family == "tiny" and not _has(state_dict, "language_model."):
        tokenizer_folder = _add_fetched_parts(state_dict)
    return config, state_dict, _processor(config, folder, tokenizer_folder)


def _read_adapted(
    folder: Path,
) -> "tuple[VideoLlamaConfig, dict[str, torch.Tensor], VideoLlamaProcessor]":
    """A PEFT folder: its base model, with the adapter merged in."""
    from videollama.checkpoints.adapters import base_model_of, merge_adapter_into_tensors
    from videollama.checkpoints.pull import DECODER_HUB_ID

    named = base_model_of(folder)
    base = resolve(None if named == DECODER_HUB_ID else named)
    if base.kind == "adapter":
        raise CheckpointError(f"{folder} is an adapter on top of another adapter; merge one first.")
    config, state_dict, processor = read_model(base)
    return config, merge_adapter_into_tensors(folder, config, state_dict), processor


def _add_fetched_parts(state_dict: "dict[str, torch.Tensor]") -> Path:
    """Complete the trained parts by decoder and image encoder; gives the decoder's folder."""
    from videollama.checkpoints.pull import pull
    from videollama.checkpoints.tensor_files import read_tensor_file, read_tensors

    parts = pull()
    try:
        decoder = read_tensors(parts.decoder)
        vision_encoder = read_tensor_file(parts.vision_encoder)
    except CheckpointError as error:
        raise CheckpointError(f"{error} The command for it: videollama pull --force") from error
    for prefix, tensors in (("language_model.", decoder), ("vision_encoder.", vision_encoder)):
        if not _has(state_dict, prefix):
            state_dict.update({f"{prefix}{key}": tensor for key, tensor in tensors.items()})
    return parts.decoder


def _take_generation_defaults(model: "VideoLlamaForConditionalGeneration", folder: Path) -> None:
    """How a folder of ours wants its decoder to write, where it says so."""
    if (folder / "generation_config.json").exists():
        model.generation_config = read_generation_config(folder)


def _without_decoder_layers(
    config: "VideoLlamaConfig", state_dict: "dict[str, torch.Tensor]"
) -> "dict[str, torch.Tensor]":
    """Changes the configuration to a decoder of no layers, and gives the tensors that are left."""
    config.text_config.num_hidden_layers = 0
    left = skeleton_of(config).state_dict().keys()
    return {
        name: tensor
        for name, tensor in state_dict.items()
        if name in left or not name.startswith("language_model.")
    }


def _has(state_dict: "dict[str, torch.Tensor]", prefix: str) -> bool:
    return any(key.startswith(prefix) for key in state_dict)


def _processor(
    config: "VideoLlamaConfig", folder: Path, tokenizer_folder: Path
) -> "VideoLlamaProcessor":
    from videollama.checkpoints.tokenizers import load_tokenizer
    from videollama.processing import VideoLlamaProcessor

    if (folder / "tokenizer_config.json").exists():
        tokenizer_folder = folder
    settings_file = folder / "processor_config.json"
    settings = read_json(settings_file) if settings_file.exists() else {}
    tokenizer = load_tokenizer(tokenizer_folder, family=config.family)
    return VideoLlamaProcessor(config, tokenizer, settings.get("prompt_template"))
