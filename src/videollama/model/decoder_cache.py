"""The decoder's memory of what it has read: transformers' cache, put together row by row.

Letters: B rows, H heads, L tokens, d width of a head.
"""

from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache, GenerationMixin

# transformers renamed the argument in 5.24.
CACHE_ARGUMENT = (
    "cache"
    if "cache" in signature(GenerationMixin.prepare_inputs_for_generation).parameters
    else "past_key_values"
)


def joined(caches: Sequence[DynamicCache]) -> DynamicCache:
    """One cache with the rows of several; shorter ones are padded on the left.

    Args:
        caches: Each with keys and values `(B, H, L, d)`, B and L of its own.
    """
    length = max(cache.get_seq_length() for cache in caches)
    layers = zip(*(keys_and_values(cache) for cache in caches), strict=True)
    return DynamicCache(
        [
            (
                torch.cat([_padded(keys, length) for keys, _ in parts]),
                torch.cat([_padded(values, length) for _, values in parts]),
            )
            for parts in layers
        ]
    )


def selected(cache: DynamicCache, rows: Sequence[int], first_token: int) -> DynamicCache:
    """A cache with some of the rows, without the tokens before `first_token`."""
    return DynamicCache(
        [
            (keys[rows, :, first_token:], values[rows, :, first_token:])
            for keys, values in keys_and_values(cache)
        ]
    )


def keys_and_values(cache: DynamicCache) -> list[tuple[Tensor, Tensor]]:
    """Of every layer, each `(B, H, L, d)`; none of an empty cache."""
    if not cache.get_seq_length():
        return []
    return [(keys, values) for keys, values, *_ in cache]


def refill(cache: DynamicCache, states: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Puts keys and values in place of those of every layer."""
    if not cache.get_seq_length():
        for number, (keys, values) in enumerate(states):
            cache.update(keys, values, number)
        return
    layers: Sequence[Any] = cache.layers
    for layer, (keys, values) in zip(layers, states, strict=True):
        layer.keys, layer.values = keys, values


def _padded(states: Tensor, length: int) -> Tensor:
    return functional.pad(states, (0, 0, length - states.shape[-2], 0))
