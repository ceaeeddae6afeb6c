"""What prompts begin with is the same in every batch: the frozen decoder reads it once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from videollama.model.decoder_cache import CACHE_ARGUMENT, keys_and_values


class CommonBeginning:
    """Keys and values of the tokens that were asked for last, kept for the next batch.

    Args:
        decoder: A frozen language model. Where it is changed, what is kept of it is wrong.
    """

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._ids: list[int] = []
        self._states: list[tuple[Tensor, Tensor]] = []

    def cache(self, ids: Sequence[int], rows: int, device: torch.device) -> DynamicCache:
        """The decoder's memory of a beginning, as often as there are rows.

        Args:
            ids: Words, no placeholders.
            rows: Prompts that begin with them.
            device: Where the decoder is.
        """
        if self._ids != list(ids) or self._states[0][0].device != device:
            with torch.no_grad():
                read = DynamicCache()
                beginning = torch.tensor([list(ids)], device=device)
                memory: dict[str, Any] = {CACHE_ARGUMENT: read, "use_cache": True}
                self._decoder(beginning, logits_to_keep=1, **memory)
            self._ids, self._states = list(ids), keys_and_values(read)
        cache = DynamicCache()
        for number, states in enumerate(self._states):
            keys, values = (each.expand(rows, *each.shape[1:]) for each in states)
            cache.update(keys, values, number)
        return cache
