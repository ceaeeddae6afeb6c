"""Where the parts of a model go that is too large for one card: cards first, then main memory.

Encoders, Q-Formers and words go to the first card, for everything else reads what they give; the
decoder's layers follow in their order, each whole. accelerate's hooks move what passes between.
"""

from typing import TYPE_CHECKING, Any

from videollama.checkpoints.skeleton import skeleton_of
from videollama.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from videollama.configuration import VideoLlamaConfig

_WORKING_SHARE = 0.85  # of a card's free memory; caches and what a pass needs take the rest
_DECODER = "language_model."


def places_of_parts(
    config: "VideoLlamaConfig",
    device: "torch.device",
    dtype: "torch.dtype",
    *,
    bits: int | None = None,
    free_bytes: "Mapping[int | str, int] | None" = None,
) -> "dict[str, Any]":
    """A device map of transformers: names of modules, and the device of each.

    Args:
        config: Sizes and parts of the model.
        device: The first card.
        dtype: Number type of the weights.
        bits: Of a weight in the decoder's linear layers, where they are fewer.
        free_bytes: Of every card, by number, and of main memory, as "cpu"; measured if absent.

    Returns:
        One entry where the first card holds all of it.

    Raises:
        InputError: The model fits nowhere; says what it needs and what there is.
    """
    from accelerate.utils import compute_module_sizes, get_max_memory, infer_auto_device_map

    free = dict(get_max_memory() if free_bytes is None else free_bytes)
    cards = {name: int(_WORKING_SHARE * size) for name, size in free.items() if name != "cpu"}
    skeleton = skeleton_of(config)
    special = _special_types(skeleton, dtype, bits)
    kinds = {"dtype": dtype, "special_dtypes": special}
    needed = compute_module_sizes(skeleton, **kinds)[""]
    if needed <= cards.get(device.index or 0, 0):
        return {"": device}
    whole = sorted(
        {
            name
            for module in skeleton.modules()
            for name in (getattr(module, "_no_split_modules", None) or ())
        }
    )
    places = infer_auto_device_map(
        skeleton,
        max_memory={**cards, "cpu": free.get("cpu", 0)},
        no_split_module_classes=whole,
        **kinds,
    )
    fits = "disk" not in places.values() and (bits is None or "cpu" not in places.values())
    first = {place for name, place in places.items() if not name.startswith(_DECODER[:-1])}
    if not fits or first - {device.index or 0}:
        there = sum(cards.values()) + (0 if bits else free.get("cpu", 0))
        raise InputError(
            f"The model needs {needed / 1e9:.1f} GB for its weights, and {there / 1e9:.1f} GB can "
            "be had here; load it with --dtype 4-bit, on more cards, or with --device cpu."
        )
    return places


def _special_types(
    skeleton: "torch.nn.Module", dtype: "torch.dtype", bits: int | None
) -> "dict[str, Any]":
    """The types of weights that bitsandbytes rounds."""
    import torch
    from accelerate.utils import CustomDtype

    if bits is None:
        return {}
    rounded = torch.int8 if bits == 8 else CustomDtype.INT4
    return {
        f"{name}.weight": rounded
        for name, module in skeleton.named_modules()
        if name.startswith(_DECODER)
        and isinstance(module, torch.nn.Linear)
        and not name.endswith("lm_head")
    }
