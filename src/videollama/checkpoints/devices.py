"""What "auto" means for devices and number types on this machine."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from videollama.errors import InputError

if TYPE_CHECKING:
    import torch

_DTYPES = ("auto", "float32", "bfloat16", "float16", "int8", "8-bit", "4-bit")
_BITS = {"8-bit": 8, "4-bit": 4}


def choose_device(device: str = "auto") -> "torch.device":
    """The device meant by a word.

    Args:
        device: "auto" takes CUDA, then Apple's MPS, then the CPU; or "cpu", "cuda", "cuda:1",
            "mps".

    Raises:
        InputError: an unknown word, or a device this machine does not have.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise InputError(
            f"Unknown device {device!r}; use auto, cpu, cuda, cuda:1 or mps."
        ) from error
    available = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }.get(chosen.type, 0)
    if (chosen.index or 0) >= available:
        raise InputError(f"This machine has no device {device!r}; use --device auto or cpu.")
    return chosen


def check_dtype(dtype: str, device: "torch.device") -> None:
    """Refuses a number type before a model is read for it.

    Raises:
        InputError: an unknown word, or one that means nothing on this device.
    """
    if dtype not in _DTYPES:
        raise InputError(f"Unknown dtype {dtype!r}; use {', '.join(_DTYPES)}.")
    if dtype == "int8" and device.type != "cpu":
        raise InputError(
            f"int8 runs on the CPU only, not on {device}; use --device cpu or another --dtype."
        )
    if dtype in _BITS and device.type == "mps":
        raise InputError(f"{dtype} does not run on {device}; use --dtype float16 or --device cpu.")
    if dtype in _BITS and find_spec("bitsandbytes") is None:
        raise InputError(f"{dtype} needs bitsandbytes: pip install 'videollama[quantize]'")


def choose_bits(dtype: str) -> int | None:
    """Bits of a weight in the decoder's linear layers, where they are fewer than its number's."""
    return _BITS.get(dtype)


def choose_dtype(dtype: str, device: "torch.device", *, family: str) -> "torch.dtype":
    """The number type meant by a word.

    Args:
        dtype: "auto" takes float32, except for a released model on CUDA: bfloat16, or float16 where
            the card has none; or "float32", "bfloat16", "float16". "int8" is of the decoder alone;
            the rest is float32. So are "8-bit" and "4-bit"; the rest is bfloat16, or float16.
        device: where the model will run.
        family: "released" or "tiny".

    Raises:
        InputError: an unknown word.
    """
    import torch

    check_dtype(dtype, device)
    if dtype in ("float32", "bfloat16", "float16"):
        return getattr(torch, dtype)
    on_card = device.type == "cuda"
    is_halved = dtype in _BITS or (dtype == "auto" and on_card and family != "tiny")
    if not is_halved:
        return torch.float32
    return torch.float16 if on_card and not torch.cuda.is_bf16_supported() else torch.bfloat16
