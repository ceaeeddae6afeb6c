"""Load the model that a recipe trains, on its device, and write it down again."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Blip2VisionConfig

from videollama.checkpoints.assemble import assemble
from videollama.checkpoints.atomic_output import new_folder
from videollama.checkpoints.decoder import Decoder, open_decoder, read_decoder
from videollama.checkpoints.devices import choose_bits, choose_device
from videollama.checkpoints.load import read_model
from videollama.checkpoints.memory_estimate import RELEASED_SIZES
from videollama.checkpoints.resolve import resolve
from videollama.checkpoints.skeleton import skeleton_of
from videollama.checkpoints.tensor_files import read_tensors
from videollama.checkpoints.tokenizers import load_tokenizer
from videollama.configuration import ImageBindConfig, VideoLlamaConfig
from videollama.errors import CheckpointError, RecipeError
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.few_bits import check_quantization, keep_differentiable
from videollama.training.finetuning.low_rank import add_low_rank, merge_low_rank
from videollama.training.join import join_stages
from videollama.training.stages import PICTURE_PARTS, SOUND_PARTS, belongs_to, is_low_rank

_DECODER = "language_model."
Model = tuple[VideoLlamaConfig, dict[str, Tensor], VideoLlamaProcessor]


def trained_parts(recipe: FinetuneRecipe) -> tuple[str, ...]:
    """Names of the model's parts that a recipe trains."""
    branches = {
        "video": PICTURE_PARTS,
        "audio": SOUND_PARTS,
        "both": (*PICTURE_PARTS, *SOUND_PARTS),
    }
    return branches[recipe.model.branch]


def load_trainable(
    recipe: FinetuneRecipe,
) -> tuple[VideoLlamaForConditionalGeneration, VideoLlamaProcessor]:
    """The model to train: the decoder in the recipe's precision, all else in float32.

    Raises:
        ModelNotFoundError: `model.load` leads nowhere.
        CheckpointError: Files do not form a working model.
        RecipeError: The recipe asks for what the model does not have.
    """
    device = choose_device()
    check_quantization(recipe.model.quantization, device)
    config, tensors, processor = _read_and_renew(recipe)
    halved = recipe.training.precision != "float32"
    model = assemble(
        config,
        tensors,
        places={"": device},
        dtype=getattr(torch, recipe.training.precision),
        origin=recipe.model.load or "the built-in model",
        bits=choose_bits(recipe.model.quantization or ""),
    )
    if halved:
        for name, child in model.named_children():
            if name != "language_model":
                child.float()
        for parameter in model.parameters(recurse=False):
            parameter.data = parameter.data.float()
        # Once more without rounding; `assemble` has made sure that every tensor fits.
        places = model.state_dict()
        for name, tensor in tensors.items():
            if not name.startswith(_DECODER):
                places[name].copy_(tensor)
    keep_differentiable(model.language_model)
    if recipe.lora is not None:
        add_low_rank(model.language_model, recipe.lora)
    if recipe.training.gradient_checkpointing:
        model.language_model.activation_checkpointing_enable()
    return model, processor


def load_encoders(
    recipe: FinetuneRecipe,
) -> tuple[VideoLlamaForConditionalGeneration, VideoLlamaProcessor]:
    """All but the decoder, in float32: enough to encode files, and much smaller.

    Raises:
        ModelNotFoundError: `model.load` leads nowhere.
        CheckpointError: Files do not form a working model.
        RecipeError: The recipe asks for what the model does not have.
    """
    config, tensors, processor = _read_and_renew(recipe)
    small = _without_decoder(config)
    skeleton = skeleton_of(small)
    kept = {n: t for n, t in tensors.items() if not n.startswith(_DECODER)}
    kept |= {
        name: torch.zeros(tensor.shape)
        for name, tensor in skeleton.state_dict().items()
        if name.startswith(_DECODER)
    }
    model = assemble(
        small,
        kept,
        places={"": choose_device()},
        dtype=torch.float32,
        origin=recipe.model.load or "the built-in model",
    )
    return model, processor


def _read_and_renew(recipe: FinetuneRecipe) -> Model:
    """What the recipe starts from, its branch begun anew where it says so."""
    config, tensors, processor = _read(recipe)
    check_fits(recipe, config)
    torch.manual_seed(recipe.seed)
    if recipe.model.new_branch:
        tensors = {**tensors, **_new_parts(config, trained_parts(recipe))}
    return config, tensors, processor


def check_fits(recipe: FinetuneRecipe, config: VideoLlamaConfig) -> None:
    """Make sure that the recipe can be done with the model.

    Raises:
        RecipeError: It cannot.
    """
    branch, sound, bits = recipe.model.branch, recipe.samples.sound, recipe.model.quantization
    if bits is not None and recipe.training.fsdp:
        raise RecipeError(
            f"model.quantization is {bits}, which training.fsdp cannot spread; leave out one."
        )
    encoder = config.audio_config
    if branch != "video" and encoder is None:
        raise RecipeError(
            f"model.branch is {branch}, but the model has no audio branch; use video."
        )
    if branch != "video" and sound == "none":
        raise RecipeError(
            f"model.branch is {branch}, but samples.sound is none, so nothing would be heard; use "
            "file, or train the video branch alone."
        )
    if sound != "frames":
        return
    if branch != "audio":
        raise RecipeError(
            f"samples.sound is frames, which shows frames to the audio branch alone, but "
            f"model.branch is {branch}; use audio."
        )
    if not isinstance(encoder, ImageBindConfig) or encoder.vision_config is None:
        raise RecipeError(
            "samples.sound is frames, but the model has no ImageBind vision trunk; load a model "
            "as released, or use file."
        )


def with_decoder(
    recipe: FinetuneRecipe, config: VideoLlamaConfig, decoder: Any, template: str, beyond: int
) -> VideoLlamaConfig:
    """A model's configuration around another decoder.

    Args:
        recipe: Says which branches the model has then.
        config: The loaded model's.
        decoder: Configuration of the decoder.
        template: How conversations are written for it.
        beyond: First id that neither it nor its tokenizer uses.

    Raises:
        RecipeError: A branch would be left that was trained with the decoder before.
    """
    section = recipe.model
    if not section.new_branch or section.branch == "audio":
        raise RecipeError(
            "model.decoder replaces what the branches were trained with; set "
            "model.new_branch=true and model.branch to video or both."
        )
    content = config.to_dict() | {
        "text_config": decoder.to_dict() | {"_name_or_path": ""},
        "prompt_template": template,
        "languages": None,  # nothing is declared of it
        "multi_turn": True,
        "video_token_id": beyond,
        "audio_token_id": beyond + 1,
    }
    if section.branch == "video":
        content |= {"audio_config": None, "audio_qformer_config": None}
    return VideoLlamaConfig.from_dict(content)


def write_model(
    recipe: FinetuneRecipe, weights: Mapping[str, Tensor], folder: Path, *, multi_turn: bool
) -> Path:
    """Write the whole model with what was trained; of the built-in one only what is ours.

    Args:
        recipe: What was loaded.
        weights: The trained parts by the model's names, on the CPU.
        folder: Where it goes; an older one is replaced whole.
        multi_turn: It has learned from conversations.

    Raises:
        CheckpointError: A weight does not fit into float16.
        OutputError: The folder cannot be written.
    """
    from huggingface_hub import save_torch_state_dict

    config, tensors, processor = _read(recipe)
    for each in (config, processor.config):
        each.multi_turn = each.multi_turn or multi_turn
    changes = {name: tensor for name, tensor in weights.items() if is_low_rank(name)}
    tensors |= {name: tensor for name, tensor in weights.items() if name not in changes}
    if recipe.lora is not None:
        tensors = merge_low_rank(tensors, changes, recipe.lora)
    if _fetches_the_rest(recipe):
        join_stages(processor, [tensors], folder)
        return folder
    with new_folder(folder, replace=True) as draft:
        config.architectures = ["VideoLlamaForConditionalGeneration"]
        config.save_pretrained(draft)
        processor.save_pretrained(draft)
        save_torch_state_dict(tensors, draft, metadata={"format": "pt"})
        writing = resolve(recipe.model.load).folder / "generation_config.json"
        if writing.exists() and recipe.model.decoder is None:
            shutil.copy(writing, draft)
    return folder


def _read(recipe: FinetuneRecipe) -> Model:
    section = recipe.model
    read = read_model(resolve(section.load), imagebind_vision=recipe.samples.sound == "frames")
    return read if section.decoder is None else _exchange_decoder(recipe, read)


def _exchange_decoder(recipe: FinetuneRecipe, model: Model) -> Model:
    config, tensors, _ = model
    decoder = _open_decoder(recipe.model.decoder or "")
    tokenizer = load_tokenizer(decoder.tokenizer_folder, family=_tokenizer_family(decoder))
    template = decoder.family or ("tokenizer" if tokenizer.chat_template else "vicuna")
    beyond = max(decoder.config.vocab_size, len(tokenizer))
    config = with_decoder(recipe, config, decoder.config, template, beyond)
    left = _tensors_of(config)
    kept = {n: t for n, t in tensors.items() if n in left and not n.startswith(_DECODER)}
    kept |= {f"{_DECODER}{name}": tensor for name, tensor in read_decoder(decoder).items()}
    return config, kept, VideoLlamaProcessor(config, tokenizer)


def _open_decoder(name: str) -> Decoder:
    if name.upper() in RELEASED_SIZES:
        raise RecipeError(
            f"model.decoder is {name}, a size that --dry-run knows; name the folder of a decoder."
        )
    folder = Path(name).expanduser()
    decoder = open_decoder(folder) if folder.is_dir() else None
    if decoder is None:
        raise CheckpointError(
            f"model.decoder is {name}, which is no folder with a language model; name one that "
            "holds config.json, weights and tokenizer."
        )
    return decoder


def _tokenizer_family(decoder: Decoder) -> Any:
    """How a decoder's tokenizer is read: as the original did only for its own families."""
    return "tiny" if decoder.family is None else "released"


def _tensors_of(config: VideoLlamaConfig) -> set[str]:
    return set(skeleton_of(config).state_dict())


def _new_parts(config: VideoLlamaConfig, parts: tuple[str, ...]) -> dict[str, Tensor]:
    """Initial weights of the parts, without those of the frozen ones."""
    small = _without_decoder(config)
    if isinstance(small.audio_config, ImageBindConfig):
        small.audio_config.vision_config = None
        small.audio_config.audio_config.num_hidden_layers = 1
    if isinstance(small.vision_config, Blip2VisionConfig):
        small.vision_config.num_hidden_layers = 1
    fresh = VideoLlamaForConditionalGeneration(small)
    return {n: t.clone() for n, t in fresh.state_dict().items() if belongs_to(n, parts)}


def _without_decoder(config: VideoLlamaConfig) -> VideoLlamaConfig:
    """The same model around a decoder without layers or words."""
    decoder = {"model_type": "llama", "hidden_size": config.text_config.hidden_size}
    decoder |= {"num_hidden_layers": 0, "num_attention_heads": 1, "num_key_value_heads": 1}
    return VideoLlamaConfig.from_dict(
        config.to_dict() | {"text_config": {**decoder, "intermediate_size": 8, "vocab_size": 8}}
    )


def _fetches_the_rest(recipe: FinetuneRecipe) -> bool:
    """Whether decoder and image encoder are not in the loaded folder, but in the cache."""
    found = resolve(recipe.model.load)
    if recipe.lora is not None:
        return False
    if found.kind == "tiny":
        return recipe.model.decoder is None
    if found.kind != "ours" or recipe.model.decoder is not None:
        return False
    return not any(name.startswith(_DECODER) for name in read_tensors(found.folder))
