"""EfficientNet-Lite on ONNX Runtime: the same features, sooner than in PyTorch on a CPU."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from videollama.model.efficientnet_lite import ConvNorm, EfficientNetLite, fold_batch_norms
from videollama.model.onnx_graph import GraphWriter, compute

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_CELL = 32  # pixels of a side that become one cell of the grid


class OnnxEncoder(nn.Module):
    """Takes the place of an `EfficientNetLite`, whose weights it keeps; it cannot be trained.

    Args:
        encoder: On the CPU.
    """

    def __init__(self, encoder: EfficientNetLite) -> None:
        super().__init__()
        self.encoder = encoder
        self._session = _open_encoder(fold_batch_norms(encoder.float()))

    @torch.no_grad()
    def forward(self, pixel_values: Tensor) -> Tensor:
        """As that of `EfficientNetLite`: `(B, C, H, W)` to `(B, P, D)`."""
        height, width = (-(-size // _CELL) for size in pixel_values.shape[-2:])
        rows, size = pixel_values.shape[0], self.encoder.config.hidden_size
        features = torch.empty(rows, size, height, width)
        compute(self._session, {"pixels": pixel_values.float()}, {"features": features})
        return features.flatten(2).transpose(1, 2)


def _open_encoder(folded: EfficientNetLite) -> "InferenceSession":
    """Write an encoder down whose norms are folded into its convolutions."""
    writer = GraphWriter()
    writer.keep("none", np.array(0, dtype=np.float32))
    writer.keep("six", np.array(6, dtype=np.float32))
    hidden = _convolve(writer, "stem", folded.stem, "pixels")
    blocks: Any = folded.blocks
    for number, block in enumerate(blocks):
        shown, name = hidden, f"block_{number}"
        if isinstance(block.expand, ConvNorm):
            hidden = _convolve(writer, f"{name}_expand", block.expand, hidden)
        hidden = _convolve(writer, f"{name}_depthwise", block.depthwise, hidden)
        hidden = _convolve(writer, f"{name}_project", block.project, hidden)
        if block.has_shortcut:
            hidden = writer.node("Add", [shown, hidden], [f"{name}_sum"])
    hidden = _convolve(writer, "head", folded.head, hidden)
    writer.node("Identity", [hidden], ["features"])
    config = folded.config
    return writer.open(
        {"pixels": (np.float32, ["B", config.num_channels, "H", "W"])},
        {"features": (np.float32, ["B", config.hidden_size, "h", "w"])},
    )


def _convolve(writer: GraphWriter, name: str, layer: ConvNorm, hidden: str) -> str:
    convolution: Any = layer[0]
    weight = writer.keep(f"{name}_weight", convolution.weight.contiguous().numpy())
    bias = writer.keep(f"{name}_bias", convolution.bias.detach().numpy())
    found = writer.node(
        "Conv",
        [hidden, weight, bias],
        [f"{name}_found"],
        kernel_shape=list(convolution.kernel_size),
        strides=list(convolution.stride),
        group=convolution.groups,
        auto_pad="SAME_UPPER",
    )
    if not isinstance(layer[-1], nn.ReLU6):
        return found
    return writer.node("Clip", [found, "none", "six"], [f"{name}_clipped"])
