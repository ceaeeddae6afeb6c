"""A frozen decoder in 8 or 4 bits, through which gradients pass (QLoRA, arXiv 2305.14314)."""

from typing import Any

import torch

from videollama.checkpoints.devices import check_dtype
from videollama.errors import RecipeError


def check_quantization(bits: str | None, device: torch.device) -> None:
    """Refuse before a model is read what cannot be trained.

    Args:
        bits: The recipe's `model.quantization`.
        device: That would train.

    Raises:
        RecipeError: Not on this device.
        InputError: bitsandbytes is not installed.
    """
    if bits is None:
        return
    if device.type == "mps":
        raise RecipeError(
            f"model.quantization is {bits}, which does not train on {device}; leave it out."
        )
    check_dtype(bits, device)


def keep_differentiable(decoder: Any) -> None:
    """Keep layers of 4 bits as they are.

    On processors with AVX512-BF16 bitsandbytes lays their weights out anew the first time that
    nothing is learned, at a validation say, and its product for that layout has no gradients.
    """
    for module in decoder.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
