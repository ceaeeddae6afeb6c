"""The original's small end-to-end model under our names."""

from typing import Any

from torch import Tensor

from tests.reference.comparison import load_exactly
from videollama.checkpoints.original_keys import (
    map_audio_branch_keys,
    map_image_qformer_keys,
    map_imagebind_keys,
    map_video_branch_keys,
    map_vit_keys,
)
from videollama.configuration import IMAGEBIND_HUGE_VISION, VideoLlamaConfig
from videollama.model.videollama import VideoLlamaForConditionalGeneration

VIT_HEAD_SIZE = 88
VIT_PATCH_SIZE = 14


def build_original(weights: dict[str, Tensor], recorded: dict[str, Any]) -> Any:
    """Our model with the original's weights.

    Args:
        weights: The original's whole state dict.
        recorded: What the fixture says about configurations and placeholder ids.
    """
    config = original_config(weights, recorded)
    depth = config.vision_config.num_hidden_layers
    state = {
        **map_video_branch_keys(weights),
        **map_audio_branch_keys(weights),
        **map_image_qformer_keys(weights),
        **map_vit_keys(weights, depth, prefix="visual_encoder."),
        **map_imagebind_keys(weights, prefix="audio_encoder."),
        **{
            name.replace("llama_model.", "language_model."): tensor
            for name, tensor in weights.items()
            if name.startswith("llama_model.") and not name.endswith("rotary_emb.inv_freq")
        },
    }
    return load_exactly(VideoLlamaForConditionalGeneration(config), state)


def original_config(weights: dict[str, Tensor], recorded: dict[str, Any]) -> VideoLlamaConfig:
    """The sizes of the original's small model."""
    configs = recorded["configs"]
    bert, imagebind = configs["BertConfig"], configs["IB_TINY"]
    blocks = [name for name in weights if name.startswith("visual_encoder.blocks.")]
    width = weights["visual_encoder.cls_token"].shape[-1]

    def trunk(kind: str, **others: Any) -> dict[str, Any]:
        return {
            **others,
            "hidden_size": imagebind[f"{kind}_embed_dim"],
            "num_hidden_layers": imagebind[f"{kind}_num_blocks"],
            "num_attention_heads": imagebind[f"{kind}_num_heads"],
        }

    return VideoLlamaConfig(
        vision_config={
            "model_type": "blip_2_vision_model",
            "hidden_size": width,
            "intermediate_size": weights["visual_encoder.blocks.0.mlp.fc1.weight"].shape[0],
            "num_hidden_layers": 1 + max(int(name.split(".")[2]) for name in blocks),
            "num_attention_heads": width // VIT_HEAD_SIZE,
            "image_size": round((weights["visual_encoder.pos_embed"].shape[1] - 1) ** 0.5)
            * VIT_PATCH_SIZE,
        },
        image_qformer_config=dict(bert),
        video_qformer_config={**bert, "num_hidden_layers": 2, "cross_attention_frequency": 1},
        audio_config={
            "model_type": "imagebind",
            "audio_config": trunk("audio"),
            "vision_config": trunk("vision", **IMAGEBIND_HUGE_VISION),
            "hidden_size": imagebind["out_embed_dim"],
        },
        audio_qformer_config={**bert, "num_hidden_layers": 2, "cross_attention_frequency": 1},
        text_config={"model_type": "llama", **configs["LlamaConfig"]},
        num_image_query_tokens=configs["num_query_token"],
        num_video_query_tokens=configs["num_video_query_token"],
        num_audio_query_tokens=configs["num_audio_query_token"],
        max_frames=weights["video_frame_position_embedding.weight"].shape[0],
        max_segments=weights["audio_position_embedding.weight"].shape[0],
        video_token_id=recorded["IMAGE_PATCH_TOKEN_ID"],
        audio_token_id=recorded["AUDIO_PATCH_TOKEN_ID"],
    )
