"""The language model in 8 bits on ONNX Runtime: on a processor several times as fast as in PyTorch.

It takes the place of transformers' decoder: the same arguments, the same cache, so that everything
above works as before. It cannot be trained or saved.

Rounding moves a word's score by a tenth or so. That matters only where two words are about equally
likely; there the word is looked for again in full precision, in which prompts are read as well.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast

from videollama.errors import InputError
from videollama.model.decoder_cache import CACHE_ARGUMENT, keys_and_values, refill
from videollama.model.decoder_graph import is_supported, open_decoder
from videollama.model.onnx_graph import compute

CLOSE_CALL = 0.2
"""Where the two best scores are nearer, rounding could have exchanged them."""

_HIDDEN = -1e9  # added to the scores of tokens that may not be looked at


class Int8Decoder(nn.Module):
    """A LLaMA decoder with 8-bit weights.

    Args:
        decoder: transformers' decoder, on the processor; it is not needed any more afterwards.

    Raises:
        InputError: The decoder is of another kind.
    """

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        if not is_supported(decoder.config):
            raise InputError(
                f"A decoder of kind {decoder.config.model_type} cannot run in int8, only LLaMA and "
                "its like; use --dtype float32 or bfloat16."
            )
        self.config = decoder.config
        self._words = _WordEmbeddings(decoder.get_input_embeddings().weight)
        self._head_width = decoder.model.layers[0].self_attn.head_dim
        self._exact = open_decoder(decoder, rounded=False)
        self._rounded = open_decoder(decoder, rounded=True)

    def get_input_embeddings(self) -> nn.Module:
        """The word embeddings, in full precision."""
        return self._words

    def get_output_embeddings(self) -> None:
        """The head is part of the graph."""

    @torch.no_grad()
    def forward(
        self,
        inputs_embeds: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        logits_to_keep: int = 0,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Predict next tokens.

        Args:
            inputs_embeds: `(B, L, D)`.
            attention_mask: 1 where a token belongs to its row, `(B, T)` with the cached ones.
            position_ids: Places of the tokens, `(B, L)`.
            logits_to_keep: How many last tokens to predict for; 0 for all.
            **kwargs: The cache, a `DynamicCache` that is filled up; the rest is of no use here.

        Returns:
            `logits` `(B, K, vocabulary)` and the cache.
        """
        cache = kwargs.get(CACHE_ARGUMENT)
        if cache is None:
            cache = DynamicCache()
        rows, length = inputs_embeds.shape[:2]
        num_cached = cache.get_seq_length()
        total = num_cached + length
        if position_ids is None:
            position_ids = torch.arange(num_cached, total)
        kept = length if logits_to_keep == 0 else min(logits_to_keep, length)
        inputs = {
            "inputs_embeds": inputs_embeds.float(),
            "position_ids": position_ids.expand(rows, length),
            "attention_bias": _bias(attention_mask, length, total),
            "last_token": torch.full((rows,), total - 1, dtype=torch.int32),
            "num_tokens": torch.tensor(total, dtype=torch.int32),
            "first_kept": torch.tensor([length - kept]),
        }
        logits = torch.empty(rows, kept, self.config.vocab_size)
        outputs = {"logits": logits}
        shape = (rows, self.config.num_key_value_heads, num_cached, self._head_width)
        nothing = torch.empty(shape), torch.empty(shape)
        layers = range(self.config.num_hidden_layers)
        past = keys_and_values(cache) or [nothing for _ in layers]
        for number in layers:
            inputs[f"past_key_{number}"], inputs[f"past_value_{number}"] = past[number]
            for kind in ("key", "value"):
                outputs[f"{kind}_{number}"] = torch.empty(*shape[:2], total, shape[3])
        if length > 1:
            compute(self._exact, inputs, outputs)
        else:
            compute(self._rounded, inputs, outputs)
            self._look_again(_close_calls(logits), inputs, outputs)
        refill(cache, [(outputs[f"key_{number}"], outputs[f"value_{number}"]) for number in layers])
        result: Any = CausalLMOutputWithPast(logits=logits)
        result[CACHE_ARGUMENT] = cache
        return result

    def _look_again(
        self, rows: Tensor, inputs: dict[str, Tensor], outputs: dict[str, Tensor]
    ) -> None:
        """Puts exact outputs in place of the rounded ones of some rows, a mask `(B,)`."""
        if rows.all():
            compute(self._exact, inputs, outputs)
        elif rows.any():
            these = {
                name: each[rows] if each.shape[:1] == rows.shape else each
                for name, each in inputs.items()
            }
            found = {name: torch.empty_like(each[rows]) for name, each in outputs.items()}
            compute(self._exact, these, found)
            for name, each in found.items():
                outputs[name][rows] = each


class _WordEmbeddings(nn.Module):
    """Word embeddings that are no part of what is saved."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight: Tensor
        self.register_buffer("weight", weight.detach().float(), persistent=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Looks words `(B, L)` up: `(B, L, D)`."""
        return nn.functional.embedding(input_ids, self.weight)


def _close_calls(logits: Tensor) -> Tensor:
    """Where the best word is in doubt, `(B,)`, for logits `(B, 1, vocabulary)`."""
    best = logits[:, 0].topk(2).values
    return best[:, 0] - best[:, 1] < CLOSE_CALL


def _bias(attention_mask: Tensor | None, length: int, total: int) -> Tensor:
    """What is added to the scores for the mask, `(B or 1, 1, L, T)`; the graph hides what comes."""
    if attention_mask is None or bool(attention_mask.all()):
        return torch.zeros(1, 1, length, total)
    bias = torch.zeros(attention_mask.shape).masked_fill(attention_mask == 0, _HIDDEN)
    return bias[:, None, None].expand(-1, 1, length, -1)
