"""What trains in each stage; everything else stays bit for bit as it was."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from videollama.training.recipe import InstructRecipe, Recipe

PICTURE_PARTS = (
    "frame_projection",
    "patch_position_embedding",
    "frame_position_embedding",
    "video_query_tokens",
    "video_qformer",
    "video_projection",
)
SOUND_PARTS = (
    "segment_position_embedding",
    "audio_query_tokens",
    "audio_qformer",
    "audio_projection",
)
SOUND_ENCODER = ("audio_encoder",)
SHIPPED_PARTS = (*PICTURE_PARTS, *SOUND_PARTS, *SOUND_ENCODER)
"""All that is ours: the decoder and the image encoder are fetched, not trained."""


def trained_parts(recipe: Recipe) -> tuple[str, ...]:
    """Names of the model's parts that a recipe trains."""
    if recipe.stage == "sound_encoder":
        return SOUND_ENCODER
    if recipe.stage == "audio_pretrain":
        return SOUND_PARTS
    if isinstance(recipe, InstructRecipe) and recipe.clips.questions == "all":
        return (*PICTURE_PARTS, *SOUND_PARTS)
    return PICTURE_PARTS


def belongs_to(name: str, parts: Sequence[str]) -> bool:
    """Whether a tensor's name lies in one of the parts."""
    return name.split(".", 1)[0] in parts


def is_low_rank(name: str) -> bool:
    """Whether a tensor is part of a low-rank change of the decoder, by PEFT's names."""
    return ".lora_" in name


def is_trained(name: str, parts: Sequence[str]) -> bool:
    """Whether training changes a tensor of the model: one of the parts, or a low-rank change."""
    return belongs_to(name, parts) or is_low_rank(name)


def freeze_all_but(model: nn.Module, parts: Sequence[str]) -> None:
    """Let only these parts of the model learn, and low-rank changes."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_trained(name, parts))


class Objective(nn.Module):
    """A model with what a stage learns by: losses, and layers that are thrown away afterwards.

    Subclasses give a dictionary with `loss` and numbers worth reading from `forward`.

    Args:
        model: Holds the parts by their names; put below `model`.
        parts: Those that are trained.
    """

    model: Any

    def __init__(self, model: nn.Module, parts: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.parts = tuple(parts)
        freeze_all_but(model, parts)

    def train(self, mode: bool = True) -> "Objective":
        """Set the mode of what is trained; frozen parts always run as in use (no dropout)."""
        super().train(mode)
        for name, child in self.model.named_children():
            if name not in self.parts:
                child.eval()
        return self

    def learned_state(self) -> dict[str, Tensor]:
        """All that training changes, the layers to be thrown away included, by name."""
        return {
            name: tensor.detach()
            for name, tensor in self.state_dict().items()
            if not name.startswith("model.") or is_trained(name[len("model.") :], self.parts)
        }

    def trained_weights(self) -> dict[str, Tensor]:
        """The trained parts by the model's own names: what a run hands on."""
        return {
            name: tensor.detach()
            for name, tensor in self.model.state_dict().items()
            if is_trained(name, self.parts)
        }

    def rate_of(self, name: str) -> float:
        """Learning rate of a parameter, as a multiple of the recipe's."""
        return 1.0
