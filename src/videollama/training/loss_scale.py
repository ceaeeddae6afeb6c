"""float16: the loss is multiplied before it goes backwards, since small gradients would be zero.

The factor halves whenever a gradient overflows, and that step is left out; after 2,000 steps in a
row without it doubles. It is part of a checkpoint (`scaler.pt`, which transformers writes).
"""

from typing import Any

import torch

SMALLEST_SCALE = 2.0**-13
"""Below this, gradients that still overflow are no matter of scale; after 29 steps left out."""


def allow_on_cpu(accelerator: Any) -> None:
    """Let Accelerate compute in float16 on the CPU too; by itself it takes float32 there, silently.

    Args:
        accelerator: A trainer's, before it has prepared anything.
    """
    if accelerator.mixed_precision == "fp16" and accelerator.device.type == "cpu":
        accelerator.native_amp = True
        accelerator.scaler = torch.amp.GradScaler("cpu")


def loss_scale(accelerator: Any) -> float | None:
    """The factor after a step; None where nothing is multiplied."""
    return None if accelerator.scaler is None else float(accelerator.scaler.get_scale())
