"""Frame encoders: pictures to feature vectors.

Letters: B pictures, C channels, H W pixels, P patches, D width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Blip2VisionConfig, Blip2VisionModel

from videollama.configuration import EfficientNetLiteConfig
from videollama.model.efficientnet_lite import EfficientNetLite

LN_VISION_EPS = 1e-5


class EvaVisionEncoder(Blip2VisionModel):
    """EVA ViT-G/14 followed by BLIP-2's `ln_vision`.

    transformers' `Blip2VisionModel` holds both (`ln_vision` is its `post_layernorm`), but gives
    the last norm the eps of the blocks, 1e-6, where the original has 1e-5.
    """

    def __init__(self, config: Blip2VisionConfig) -> None:
        super().__init__(config)
        self.post_layernorm.eps = LN_VISION_EPS

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Encode pictures.

        Args:
            pixel_values: Normalised pictures, `(B, C, H, W)`. Sides other than `config.image_size`
                are allowed (the original refuses them): the positions are resized as it resizes
                them when loading a checkpoint.

        Returns:
            The class token and the patches, `(B, P, D)`.
        """
        height, width = pixel_values.shape[-2:]
        resized = (height, width) != (self.config.image_size, self.config.image_size)
        return (
            super()
            .forward(pixel_values, interpolate_pos_encoding=resized, return_dict=True)
            .last_hidden_state
        )


def build_vision_encoder(config: Blip2VisionConfig | EfficientNetLiteConfig) -> nn.Module:
    """The encoder of a configuration: a module from `(B, C, H, W)` to `(B, P, D)`."""
    if isinstance(config, Blip2VisionConfig):
        return EvaVisionEncoder(config)
    return EfficientNetLite(config)


def resize_positions(positions: Tensor, side: int) -> Tensor:
    """Fit the positions of a square grid of patches to another grid, as the original does.

    Args:
        positions: Of the class token and of the patches, `(1, 1 + A * A, D)`.
        side: Patches along each side of the new grid.

    Returns:
        Positions, `(1, 1 + side * side, D)`; unchanged where the grid fits already.
    """
    old_side = round((positions.shape[1] - 1) ** 0.5)
    if old_side == side:
        return positions
    grid = positions[:, 1:].float().reshape(1, old_side, old_side, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    patches = grid.flatten(2).transpose(1, 2).to(positions)
    return torch.cat((positions[:, :1], patches), dim=1)
