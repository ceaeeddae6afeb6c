"""Our names for the trained weights back to the original's: the inverse of `original_keys`."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_QFORMER = (
    (r"layernorm\.(\w+)", r"bert.embeddings.LayerNorm.\1"),
    (
        r"encoder\.layer\.(\d+)\.(attention|crossattention)\.attention\.(\w+\.\w+)",
        r"bert.encoder.layer.\1.\2.self.\3",
    ),
    (
        r"encoder\.layer\.(\d+)\.(attention|crossattention)\.output\.(\w+\.\w+)",
        r"bert.encoder.layer.\1.\2.output.\3",
    ),
    (
        r"encoder\.layer\.(\d+)\.(intermediate_query|output_query)\.(\w+\.\w+)",
        r"bert.encoder.layer.\1.\2.\3",
    ),
)
_RENAMES = (
    (r"(video|audio)_query_tokens", r"\1_query_tokens"),
    (r"frame_position_embedding\.weight", "video_frame_position_embedding.weight"),
    (r"segment_position_embedding\.weight", "audio_position_embedding.weight"),
    (r"video_projection\.(\w+)", r"llama_proj.\1"),
    (r"audio_projection\.(\w+)", r"audio_llama_proj.\1"),
    *((rf"video_qformer\.{ours}", f"video_Qformer.{theirs}") for ours, theirs in _QFORMER),
    *((rf"audio_qformer\.{ours}", f"audio_Qformer.{theirs}") for ours, theirs in _QFORMER),
)


def trained_tensors_as_original(state_dict: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors that the original saves after training, under the original's names.

    Frozen parts (encoders, image Q-Former, decoder) are left out, as they are there.
    """
    renamed = {}
    for name, tensor in state_dict.items():
        for pattern, replacement in _RENAMES:
            if match := re.fullmatch(pattern, name):
                renamed[match.expand(replacement)] = tensor
                break
    return renamed
