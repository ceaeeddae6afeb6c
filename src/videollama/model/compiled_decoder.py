"""The language model with its single steps compiled: fewer and larger kernels for every token.

It takes the place of transformers' decoder: the same arguments, the same cache, so that everything
above works as before. Prompts are read as ever. For steps, keys and values lie in buffers that have
room for more tokens, so a compiled step finds tensors of the same shape again and again; the cache
that callers hold shows what is filled of them. Letters: B rows, L tokens, D width, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer, StaticLayer
from transformers.modeling_outputs import CausalLMOutputWithPast

from videollama.errors import InputError
from videollama.model.decoder_cache import CACHE_ARGUMENT, keys_and_values, refill

ROOM = 256
"""Tokens that buffers grow by."""

_LEAST_ROWS = 2  # torch compiles one row apart from several, and a step of two costs hardly more
_READ_FIRST = 2  # tokens of the prompt that is read to begin with


class CompiledDecoder(nn.Module):
    """A decoder whose steps are compiled, once for all numbers of rows and tokens.

    Compiling takes a minute or two and happens here.

    Args:
        decoder: transformers' decoder, on one device. It stays the one to read prompts.

    Raises:
        InputError: It cannot be compiled, or not on this machine.
    """

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.decoder, self.config = decoder, decoder.config
        remembered = DynamicCache(config=self.config).layers
        if any(type(layer) is not DynamicLayer for layer in remembered):
            raise InputError(
                f"A decoder of kind {self.config.model_type}, which forgets what is far back, is "
                "not compiled; leave out --compile."
            )
        self._compiled = torch.compile(self._logits, fullgraph=True, dynamic=True)
        self._buffers_of_layers: list[Any] = []  # StaticLayer
        self._length = 0  # tokens in them
        self._try()

    def get_input_embeddings(self) -> nn.Module:
        """The decoder's."""
        return self.decoder.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module | None:
        """The decoder's."""
        return self.decoder.get_output_embeddings()

    def forward(
        self,
        inputs_embeds: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Predict next tokens.

        Args:
            inputs_embeds: `(B, L, D)`.
            attention_mask: 1 where a token belongs to its row, `(B, cached tokens and L)`.
            position_ids: Places of the tokens, `(B, L)`.
            **kwargs: The cache, a `DynamicCache`, and what else the decoder knows; steps need no
                more.

        Returns:
            `logits` `(B, tokens asked for, V)` and the cache.
        """
        cache: Any = kwargs.get(CACHE_ARGUMENT)
        length = cache.get_seq_length() if isinstance(cache, DynamicCache) else 0
        if not length or inputs_embeds.shape[1] > 1 or torch.is_grad_enabled():
            return self.decoder(
                inputs_embeds=inputs_embeds,
                attention_mask=attention_mask,
                position_ids=position_ids,
                **kwargs,
            )
        rows = len(inputs_embeds)
        if attention_mask is None:
            attention_mask = inputs_embeds.new_ones(rows, length + 1, dtype=torch.long)
        if position_ids is None:
            position_ids = attention_mask.new_full((1, 1), length)
        with torch.inference_mode():
            logits = self._step(inputs_embeds, attention_mask, position_ids, cache)
        result: Any = CausalLMOutputWithPast(logits=logits[:rows])
        result[CACHE_ARGUMENT] = cache
        return result

    def _step(self, embeds: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache) -> Tensor:
        """Logits of what follows one token of every row, `(B or more, 1, V)`; fills the cache."""
        states = keys_and_values(cache)
        rows, _, length, _ = states[0][0].shape
        if not self._hold(states):
            self._take(states)
        all_rows, _, room, _ = self._buffers_of_layers[0].keys.shape
        # Copies are inference tensors, whoever calls; for others torch would compile anew.
        logits: Tensor = self._compiled(
            _with_rows(embeds, all_rows).clone(),
            functional.pad(_with_rows(mask, all_rows).long(), (0, room - length - 1)),
            _with_rows(positions.expand(rows, 1), all_rows).clone(),
            Cache(layers=list(self._buffers_of_layers)),
        )
        self._length = length + 1
        filled = [
            (layer.keys[:rows, :, : self._length], layer.values[:rows, :, : self._length])
            for layer in self._buffers_of_layers
        ]
        refill(cache, filled)
        return logits

    def _logits(self, embeds: Tensor, mask: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """What is compiled."""
        outputs = self.decoder(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **{CACHE_ARGUMENT: cache},
        )
        return outputs.logits

    def _hold(self, states: Sequence[tuple[Tensor, Tensor]]) -> bool:
        """Whether the buffers hold this and have room for one more token."""
        if not self._buffers_of_layers:
            return False
        keys, ours = states[0][0], self._buffers_of_layers[0].keys
        return (
            keys.data_ptr() == ours.data_ptr()
            and keys.shape[2] == self._length < ours.shape[2]
            and max(len(keys), _LEAST_ROWS) == len(ours)
        )

    def _take(self, states: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Copies keys and values into buffers; new ones, as others may look at the old."""
        self._length = states[0][0].shape[2]
        room = (self._length // ROOM + 1) * ROOM
        self._buffers_of_layers = []
        for keys, values in states:
            layer: Any = StaticLayer(max_cache_len=room)
            keys, values = (_with_rows(each, _LEAST_ROWS) for each in (keys, values))
            layer.lazy_initialization(keys, values)
            layer.keys[:, :, : self._length] = keys
            layer.values[:, :, : self._length] = values
            layer.cumulative_length.fill_(self._length)
            for each in (layer.keys, layer.values):
                # Or torch would take numbers of rows and of heads for one, where they are alike.
                torch._dynamo.mark_static(each, [1, 3])
            self._buffers_of_layers.append(layer)

    def _try(self) -> None:
        """Compiles by reading a few tokens and going one step."""
        words: Any = self.get_input_embeddings()
        ids = torch.zeros(1, _READ_FIRST, dtype=torch.long, device=words.weight.device)
        prompt = words(ids)
        try:
            with torch.inference_mode():
                cache = DynamicCache()
                self(prompt, use_cache=True, **{CACHE_ARGUMENT: cache})
                self(prompt[:, :1], **{CACHE_ARGUMENT: cache})
        except Exception as error:  # a compiler is missing, or torch cannot follow this decoder
            reason = str(error).strip().partition("\n")[0]
            raise InputError(
                f"The decoder cannot be compiled here ({reason}); leave out --compile."
            ) from error
        self._buffers_of_layers = []


def _with_rows(states: Tensor, number: int) -> Tensor:
    """The tensor with at least so many rows; what is added repeats the first."""
    missing = number - len(states)
    if missing <= 0:
        return states
    return torch.cat([states, states[:1].expand(missing, *states.shape[1:])])
