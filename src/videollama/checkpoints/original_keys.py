"""The original's names for its weights, and ours: pure functions from state dict to state dict.

Each takes the tensors of one of the original's files, or of a whole original model, picks what
belongs to its part and returns it under the names of `VideoLlamaForConditionalGeneration`. Left
behind is what the original never uses: text layers of the Q-Formers, position buffers, ImageBind's
other senses, blocks of the ViT beyond its depth.
"""

import re

import torch
from torch import Tensor

StateDict = dict[str, Tensor]
Renames = tuple[tuple[str, str], ...]

QFORMER: Renames = (
    (r"bert\.embeddings\.LayerNorm\.(\w+)", r"layernorm.\1"),
    (
        r"bert\.encoder\.layer\.(\d+)\.(attention|crossattention)\.self\.(\w+\.\w+)",
        r"encoder.layer.\1.\2.attention.\3",
    ),
    (
        r"bert\.encoder\.layer\.(\d+)\.(attention|crossattention)\.output\.(\w+\.\w+)",
        r"encoder.layer.\1.\2.output.\3",
    ),
    (
        r"bert\.encoder\.layer\.(\d+)\.(intermediate_query|output_query)\.(\w+\.\w+)",
        r"encoder.layer.\1.\2.\3",
    ),
)
VIT: Renames = (
    (r"cls_token", "embeddings.class_embedding"),
    (r"pos_embed", "embeddings.position_embedding"),
    (r"patch_embed\.proj\.(\w+)", r"embeddings.patch_embedding.\1"),
    (r"blocks\.(\d+)\.norm([12])\.(\w+)", r"encoder.layers.\1.layer_norm\2.\3"),
    (r"blocks\.(\d+)\.attn\.qkv\.weight", r"encoder.layers.\1.self_attn.qkv.weight"),
    (r"blocks\.(\d+)\.attn\.proj\.(\w+)", r"encoder.layers.\1.self_attn.projection.\2"),
    (r"blocks\.(\d+)\.mlp\.(fc[12])\.(\w+)", r"encoder.layers.\1.mlp.\2.\3"),
)
IMAGEBIND_TEXT: Renames = (
    (
        r"modality_preprocessors\.text\.token_embedding\.weight",
        "text_model.embeddings.token_embedding.weight",
    ),
    (
        r"modality_preprocessors\.text\.pos_embed",
        "text_model.embeddings.position_embedding.weight",
    ),
    (
        r"modality_trunks\.text\.blocks\.(\d+)\.attn\.in_proj_(\w+)",
        r"text_model.encoder.layers.\1.self_attn.qkv_proj.\2",
    ),
    (
        r"modality_trunks\.text\.blocks\.(\d+)\.attn\.out_proj\.(\w+)",
        r"text_model.encoder.layers.\1.self_attn.out_proj.\2",
    ),
    (
        r"modality_trunks\.text\.blocks\.(\d+)\.norm_([12])\.(\w+)",
        r"text_model.encoder.layers.\1.layer_norm\2.\3",
    ),
    (
        r"modality_trunks\.text\.blocks\.(\d+)\.mlp\.(fc[12])\.(\w+)",
        r"text_model.encoder.layers.\1.mlp.\2.\3",
    ),
    (r"modality_heads\.text\.proj\.0\.(\w+)", r"text_model.final_layer_norm.\1"),
    (r"modality_heads\.text\.proj\.1\.weight", "text_projection.weight"),
)
IMAGEBIND: Renames = (
    (r"modality_preprocessors\.(audio|vision)\.cls_token", r"\1.class_token"),
    (
        r"modality_preprocessors\.(audio|vision)\.pos_embedding_helper\.pos_embed",
        r"\1.position_embedding",
    ),
    (r"modality_preprocessors\.audio\.rgbt_stem\.proj\.weight", "audio.patch_embedding.weight"),
    (
        r"modality_preprocessors\.vision\.rgbt_stem\.proj\.1\.weight",
        "vision.patch_embedding.weight",
    ),
    (r"modality_preprocessors\.audio\.rgbt_stem\.norm_layer\.(\w+)", r"audio.stem_norm.\1"),
    (r"modality_trunks\.(audio|vision)\.pre_transformer_layer\.0\.(\w+)", r"\1.pre_norm.\2"),
    (
        r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.attn\.in_proj_(\w+)",
        r"\1.blocks.\2.attention.query_key_value.\3",
    ),
    (
        r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.attn\.out_proj\.(\w+)",
        r"\1.blocks.\2.attention.projection.\3",
    ),
    (
        r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.attn\.bias_k",
        r"\1.blocks.\2.attention.extra_key",
    ),
    (
        r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.attn\.bias_v",
        r"\1.blocks.\2.attention.extra_value",
    ),
    (
        r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.norm_1\.(\w+)",
        r"\1.blocks.\2.attention_norm.\3",
    ),
    (r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.norm_2\.(\w+)", r"\1.blocks.\2.mlp_norm.\3"),
    (r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.mlp\.fc1\.(\w+)", r"\1.blocks.\2.mlp.0.\3"),
    (r"modality_trunks\.(audio|vision)\.blocks\.(\d+)\.mlp\.fc2\.(\w+)", r"\1.blocks.\2.mlp.2.\3"),
    (r"modality_heads\.(audio|vision)\.0\.(\w+)", r"\1.norm.\2"),
    (r"modality_heads\.(audio|vision)\.2\.weight", r"\1.projection.weight"),
)


def map_video_branch_keys(original: StateDict) -> StateDict:
    """The `VL_*.pth` part: queries, frame positions, Video Q-Former, projection."""
    return {
        **_pick(original, "video_query_tokens", "video_query_tokens"),
        **_pick(
            original,
            "video_frame_position_embedding.weight",
            "frame_position_embedding.weight",
        ),
        **_rename(original, QFORMER, "video_Qformer.", "video_qformer."),
        **_pick(original, "llama_proj.weight", "video_projection.weight"),
        **_pick(original, "llama_proj.bias", "video_projection.bias"),
    }


def map_audio_branch_keys(original: StateDict) -> StateDict:
    """The `AL_*.pth` part: queries, segment positions, Audio Q-Former, projection."""
    return {
        **_pick(original, "audio_query_tokens", "audio_query_tokens"),
        **_pick(original, "audio_position_embedding.weight", "segment_position_embedding.weight"),
        **_rename(original, QFORMER, "audio_Qformer.", "audio_qformer."),
        **_pick(original, "audio_llama_proj.weight", "audio_projection.weight"),
        **_pick(original, "audio_llama_proj.bias", "audio_projection.bias"),
    }


def map_vit_keys(original: StateDict, num_hidden_layers: int, prefix: str = "") -> StateDict:
    """The `eva_vit_g.pth` part; its key bias, which the file does not hold, is zero.

    Args:
        original: Tensors of the file, or of a whole model with the prefix "visual_encoder.".
        num_hidden_layers: Depth to keep; the original has 39 and ignores what the file holds
            beyond.
        prefix: What stands before every name.
    """
    mapped = _rename(original, VIT, prefix, "vision_encoder.")
    for number in range(num_hidden_layers):
        query = original.get(f"{prefix}blocks.{number}.attn.q_bias")
        value = original.get(f"{prefix}blocks.{number}.attn.v_bias")
        if query is not None and value is not None:
            name = f"vision_encoder.encoder.layers.{number}.self_attn.qkv.bias"
            mapped[name] = torch.cat((query, torch.zeros_like(query), value))
    layer = re.compile(r"vision_encoder\.encoder\.layers\.(\d+)\.")
    return {
        name: tensor
        for name, tensor in mapped.items()
        if (match := layer.match(name)) is None or int(match[1]) < num_hidden_layers
    }


def map_image_qformer_keys(original: StateDict) -> StateDict:
    """The `blip2_pretrained_flant5xxl.pth` part: queries, image Q-Former, `ln_vision`."""
    return {
        **_pick(original, "query_tokens", "image_query_tokens"),
        **_rename(original, QFORMER, "Qformer.", "image_qformer."),
        **_pick(original, "ln_vision.weight", "vision_encoder.post_layernorm.weight"),
        **_pick(original, "ln_vision.bias", "vision_encoder.post_layernorm.bias"),
    }


def map_imagebind_keys(original: StateDict, prefix: str = "", *, vision: bool = True) -> StateDict:
    """The `imagebind_huge.pth` part: the audio trunk and, if asked for, the vision trunk.

    Args:
        original: Tensors of the file, or of a whole model with the prefix "audio_encoder.".
        prefix: What stands before every name.
        vision: Whether to keep the vision trunk.
    """
    mapped = _rename(original, IMAGEBIND, prefix, "audio_encoder.")
    if vision:
        return mapped
    return {
        name: tensor
        for name, tensor in mapped.items()
        if not name.startswith("audio_encoder.vision.")
    }


def map_imagebind_text_keys(original: StateDict) -> StateDict:
    """The text trunk of `imagebind_huge.pth`, by transformers' names for CLIP's.

    Args:
        original: Tensors of the file.
    """
    mapped = _rename(original, IMAGEBIND_TEXT, "", "")
    for name in [name for name in mapped if ".qkv_proj." in name]:
        joined = mapped.pop(name)
        for part, tensor in zip("qkv", joined.chunk(3), strict=True):
            mapped[name.replace(".qkv_proj.", f".{part}_proj.")] = tensor
    positions = "text_model.embeddings.position_embedding.weight"
    if positions in mapped:
        mapped[positions] = mapped[positions][0]
    return mapped


def _pick(original: StateDict, name: str, new_name: str) -> StateDict:
    return {new_name: original[name]} if name in original else {}


def _rename(original: StateDict, renames: Renames, prefix: str, new_prefix: str) -> StateDict:
    """Tensors under `prefix` whose names fit a pattern, renamed and put under `new_prefix`."""
    mapped = {}
    for name, tensor in original.items():
        if not name.startswith(prefix):
            continue
        for pattern, replacement in renames:
            if match := re.fullmatch(pattern, name.removeprefix(prefix)):
                mapped[new_prefix + match.expand(replacement)] = tensor
                break
    return mapped
