"""The network of a configuration without its numbers: names, shapes and counts, in no memory."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from videollama.configuration import VideoLlamaConfig
    from videollama.model.videollama import VideoLlamaForConditionalGeneration

ModelPart = Literal["picture", "sound", "decoder"]


def skeleton_of(config: "VideoLlamaConfig") -> "VideoLlamaForConditionalGeneration":
    """The network on torch's meta device."""
    import torch

    from videollama.model.videollama import VideoLlamaForConditionalGeneration

    with torch.device("meta"):
        return VideoLlamaForConditionalGeneration(config)


def count_parameters(model: "VideoLlamaForConditionalGeneration") -> dict[ModelPart, int]:
    """The numbers of each part; those that two layers share count once."""
    counts: dict[ModelPart, int] = {"picture": 0, "sound": 0, "decoder": 0}
    for name, parameter in model.named_parameters():
        counts[_part_of(name)] += parameter.numel()
    return counts


def _part_of(name: str) -> ModelPart:
    if name.startswith("language_model."):
        return "decoder"
    return "sound" if name.startswith(("audio_", "segment_")) else "picture"
