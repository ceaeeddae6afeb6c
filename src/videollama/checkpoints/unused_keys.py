"""Tensors of the original's files that have no place in the model, and whether that is expected."""

import re
from typing import TYPE_CHECKING

from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

# What the original keeps in its files and never uses, or builds anew by itself.
_EXPECTED = re.compile(
    r"llama_model\..*"
    r"|(video_|audio_)?Qformer\.bert\.embeddings\.position_ids"
    r"|visual_encoder\..*|ln_vision\..*|Qformer\..*|query_tokens"
    r"|audio_encoder\..*"
)
_SHOWN = 8


def require_all_used(original: "dict[str, Tensor]", ours: "dict[str, Tensor]", origin: str) -> None:
    """Refuse branch checkpoints with tensors nobody knows.

    Args:
        original: what the files hold, by the original's names.
        ours: what was taken from them, the same tensors by our names.
        origin: the file, for the message.

    Raises:
        CheckpointError: lists the unknown names.
    """
    used = {id(tensor) for tensor in ours.values()}
    unknown = [
        name
        for name, tensor in original.items()
        if id(tensor) not in used and not _EXPECTED.fullmatch(name)
    ]
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise CheckpointError(
            f"{origin} holds tensors that Video-LLaMA does not have: "
            f"{', '.join(sorted(unknown)[:_SHOWN])}{more}."
        )
