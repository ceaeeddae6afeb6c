"""Frames to normalised tensors, and the original's random crops for training."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

_CROP_TRIES = 10


def normalize_frames(
    frames: Tensor, *, size: int, mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """Brings frames to the size and range that an image encoder expects.

    Frames that already have the size are not resampled; `read_clip(frame_size=...)` gives such,
    with the original's filter for videos. Others are resized here, shape not kept, with Pillow's
    bicubic filter, which the original uses for images.

    Args:
        frames: uint8 RGB, `(T, H, W, 3)`.
        size: Height and width wanted.
        mean: Mean of each colour, for values in [0, 1].
        std: Standard deviation of each colour.

    Returns:
        float32, `(T, 3, size, size)`.
    """
    if frames.shape[1:3] != (size, size):
        frames = torch.stack([_resized(frame, size) for frame in frames])
    colours = torch.tensor([mean, std], dtype=torch.float32).view(2, 1, 3, 1, 1)
    return (frames.permute(0, 3, 1, 2).float() / 255 - colours[0]) / colours[1]


def _resized(frame: Tensor, size: int) -> Tensor:
    image = Image.fromarray(frame.numpy())
    return torch.from_numpy(np.array(image.resize((size, size), Image.Resampling.BICUBIC)))


def random_training_crop(
    frames: Tensor,
    *,
    size: int,
    generator: torch.Generator | None = None,
    scale: tuple[float, float] = (0.5, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    wrap_overshoot: bool = False,
) -> Tensor:
    """The original's augmentation: one random crop for all frames, resized without antialiasing.

    Bicubic resampling overshoots the range 0..255. The original casts such values to bytes as they
    are, so that -20 becomes 236 and bright edges get black specks; here they are clamped.

    Args:
        frames: uint8 RGB, `(T, H, W, 3)`.
        size: Height and width wanted.
        generator: Source of chance; torch's global one if None.
        scale: Least and greatest share of the area that is kept.
        ratio: Least and greatest width divided by height.
        wrap_overshoot: Reproduce the original's cast.

    Returns:
        uint8, `(T, size, size, 3)`.

    Source: RandomResizedCropVideo and ToUint8 of Video-LLaMA's AlproVideoTrainProcessor.
    """
    top, left, height, width = random_crop_box(
        frames.shape[1], frames.shape[2], generator=generator, scale=scale, ratio=ratio
    )
    crop = frames[:, top : top + height, left : left + width].permute(0, 3, 1, 2).float()
    resized = interpolate(crop, (size, size), mode="bicubic", align_corners=False)
    pixels = resized.permute(0, 2, 3, 1)
    if wrap_overshoot:
        return pixels.to(torch.int32).remainder(256).to(torch.uint8)
    return pixels.clamp(0, 255).to(torch.uint8)


def random_crop_box(
    height: int,
    width: int,
    *,
    generator: torch.Generator | None = None,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[int, int, int, int]:
    """Draws a box by area and shape; after ten misfits it is the largest central box of the shape.

    Args:
        height: Height of the frames.
        width: Width of the frames.
        generator: Source of chance; torch's global one if None.
        scale: Least and greatest share of the area.
        ratio: Least and greatest width divided by height.

    Returns:
        Top, left, height and width of the box.

    Source: torchvision.transforms.RandomResizedCrop.get_params, draw for draw.
    """
    low, high = torch.log(torch.tensor(ratio)).tolist()
    for _ in range(_CROP_TRIES):
        area = height * width * torch.empty(1).uniform_(*scale, generator=generator).item()
        shape = torch.exp(torch.empty(1).uniform_(low, high, generator=generator)).item()
        box_width, box_height = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < box_width <= width and 0 < box_height <= height:
            top = torch.randint(0, height - box_height + 1, (1,), generator=generator).item()
            left = torch.randint(0, width - box_width + 1, (1,), generator=generator).item()
            return int(top), int(left), box_height, box_width
    shape = min(max(width / height, ratio[0]), ratio[1])
    box_width = width if width / height <= ratio[1] else round(height * shape)
    box_height = height if width / height >= ratio[0] else round(width / shape)
    return (height - box_height) // 2, (width - box_width) // 2, box_height, box_width
