"""Sizes of an original model, read from the shapes of its tensors.

Nothing is assumed to be 7B or ViT-G. Only numbers of attention heads leave no trace in a shape:
they are the original's where the widths are, else 4.
"""

import math
import re
from typing import TYPE_CHECKING, Any

from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

EVA_WIDTH, EVA_DEPTH = 1408, 39  # the file may hold further blocks, which the original drops
EVA_HEAD_SIZE = 88
MEL_BINS, MEL_FRAMES = 128, 204


class MissingTensorError(CheckpointError):
    """What a file lacks, without the file's name, which the reader of the file adds."""


def qformer_sizes(original: "dict[str, Tensor]", prefix: str) -> dict[str, Any]:
    """Arguments of a `Blip2QFormerConfig`.

    Args:
        original: tensors by the original's names.
        prefix: "Qformer.", "video_Qformer." or "audio_Qformer.".
    """
    layer = f"{prefix}bert.encoder.layer."
    crossing = sorted(
        int(match[1])
        for name in original
        if (
            match := re.fullmatch(
                rf"{re.escape(layer)}(\d+)\.crossattention\.self\.key\.weight", name
            )
        )
    )
    if not crossing:
        raise MissingTensorError(f"it has no tensor {layer}0.crossattention.self.key.weight")
    num_layers = 1 + max(_numbers(original, layer))
    key = tensor_of(original, f"{layer}0.crossattention.self.key.weight")
    width = key.shape[0]
    return {
        "hidden_size": width,
        "encoder_hidden_size": key.shape[1],
        "num_hidden_layers": num_layers,
        "num_attention_heads": num_heads(width),
        "intermediate_size": tensor_of(original, f"{layer}0.intermediate_query.dense.weight").shape[
            0
        ],
        "cross_attention_frequency": crossing[1] - crossing[0] if len(crossing) > 1 else num_layers,
    }


def vit_sizes(original: "dict[str, Tensor]", prefix: str = "") -> dict[str, Any]:
    """Arguments of a `Blip2VisionConfig`.

    Args:
        original: tensors of `eva_vit_g.pth`, or of a whole model with prefix "visual_encoder.".
        prefix: what stands before every name.
    """
    kernel = tensor_of(original, f"{prefix}patch_embed.proj.weight")
    width, patch = kernel.shape[0], kernel.shape[-1]
    num_patches = tensor_of(original, f"{prefix}pos_embed").shape[1] - 1
    depth = 1 + max(_numbers(original, f"{prefix}blocks."))
    return {
        "hidden_size": width,
        "patch_size": patch,
        "image_size": math.isqrt(num_patches) * patch,
        "num_hidden_layers": min(depth, EVA_DEPTH) if width == EVA_WIDTH else depth,
        "num_attention_heads": max(width // EVA_HEAD_SIZE, 1),
        "intermediate_size": tensor_of(original, f"{prefix}blocks.0.mlp.fc1.weight").shape[0],
    }


def imagebind_sizes(
    original: "dict[str, Tensor]", prefix: str = "", *, vision: bool = False
) -> dict[str, Any]:
    """Arguments of an `ImageBindConfig`.

    Args:
        original: tensors of `imagebind_huge.pth`, or of a whole model with prefix "audio_encoder.".
        prefix: what stands before every name.
        vision: whether the vision trunk is wanted.
    """
    sound = tensor_of(original, f"{prefix}modality_preprocessors.audio.rgbt_stem.proj.weight")
    sizes: dict[str, Any] = {
        "hidden_size": tensor_of(original, f"{prefix}modality_heads.audio.2.weight").shape[0],
        "audio_config": {
            "hidden_size": sound.shape[0],
            "num_channels": sound.shape[1],
            "patch_size": sound.shape[-1],
            "num_hidden_layers": _depth(original, f"{prefix}modality_trunks.audio.blocks."),
            "num_attention_heads": num_heads(sound.shape[0]),
            "input_size": (MEL_BINS, MEL_FRAMES),
        },
        "vision_config": None,
    }
    if vision:
        picture = tensor_of(
            original, f"{prefix}modality_preprocessors.vision.rgbt_stem.proj.1.weight"
        )
        positions = tensor_of(
            original, f"{prefix}modality_preprocessors.vision.pos_embedding_helper.pos_embed"
        )
        side = math.isqrt(positions.shape[1] - 1) * picture.shape[-1]
        sizes["vision_config"] = {
            "hidden_size": picture.shape[0],
            "num_channels": picture.shape[1],
            "num_repeats": picture.shape[2],
            "patch_size": picture.shape[-1],
            "patch_stride": picture.shape[-1],
            "num_hidden_layers": _depth(original, f"{prefix}modality_trunks.vision.blocks."),
            "num_attention_heads": num_heads(picture.shape[0]),
            "input_size": (side, side),
            "stem_layer_norm": False,
            "pre_layer_norm": True,
            "bias_kv": False,
            "drop_path": 0.0,
        }
    return sizes


def imagebind_text_sizes(original: "dict[str, Tensor]") -> dict[str, int]:
    """Arguments of `videollama.model.joint_space.text_config`.

    Args:
        original: tensors of `imagebind_huge.pth`.
    """
    words = tensor_of(original, "modality_preprocessors.text.token_embedding.weight")
    return {
        "vocab_size": words.shape[0],
        "hidden_size": words.shape[1],
        "num_hidden_layers": _depth(original, "modality_trunks.text.blocks."),
        "num_heads": num_heads(words.shape[1]),
        "width": tensor_of(original, "modality_heads.text.proj.1.weight").shape[0],
    }


def num_heads(width: int) -> int:
    """Attention heads of a BERT or ImageBind transformer of this width."""
    return {768: 12, 1024: 16, 1280: 16}.get(width, 4)


def _depth(original: "dict[str, Tensor]", prefix: str) -> int:
    return 1 + max(_numbers(original, prefix))


def _numbers(original: "dict[str, Tensor]", prefix: str) -> set[int]:
    """The block numbers that stand after a prefix; refuses where there are none."""
    pattern = re.compile(rf"{re.escape(prefix)}(\d+)\.")
    numbers = {int(match[1]) for name in original if (match := pattern.match(name))}
    if not numbers:
        raise MissingTensorError(f"it has no tensors named {prefix}0.…")
    return numbers


def tensor_of(original: "dict[str, Tensor]", name: str) -> "Tensor":
    """A tensor of a checkpoint; refuses where it is missing."""
    if name not in original:
        raise MissingTensorError(f"it has no tensor {name}")
    return original[name]
