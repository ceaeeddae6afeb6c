"""A LLaMA decoder as a graph for ONNX Runtime, exact or with its matrices in 8 bits.

inputs_embeds ─▶ [norm ─ qkv ─ attention ─ out ─ norm ─ gate, up ─ down] x layers ─▶ norm ─▶ logits
                              ▲     │
              past keys, values     ▼ present keys, values

Rounded matrices are multiplied by `MatMulNBits`: blocks of 32 weights share a scale, and what is
multiplied with them is rounded to 8 bits too. Attention is `GroupQueryAttention`, which appends to
the cache; its own rotation counts padding as places, so queries and keys are turned before.

Letters: B rows, L new tokens, P tokens in the cache, T = P + L, G heads of keys, d their width,
D width, K tokens to predict for, V vocabulary.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from videollama.model.onnx_graph import MICROSOFT, GraphWriter, Shape

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BLOCK = 32
_ZERO = 128  # what stands for 0 in eight bits
_INT8_ACTIVATIONS = 4  # MatMulNBits' accuracy level


def is_supported(config: Any) -> bool:
    """Whether a decoder of this configuration can be written as such a graph."""
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return (
        config.model_type == "llama"
        and config.hidden_act == "silu"
        and not config.attention_bias
        and not config.mlp_bias
        and rope in ("default", "linear", "llama3")
    )


def open_decoder(decoder: Any, *, rounded: bool) -> "InferenceSession":
    """Write a decoder down and make it ready.

    Args:
        decoder: A transformers `LlamaForCausalLM` for which `is_supported` holds.
        rounded: Whether its matrices are rounded to 8 bits, or stay in float32.

    Returns:
        A session with inputs `inputs_embeds` `(B, L, D)`, `position_ids` `(B, L)`, `attention_bias`
        `(B or 1, 1, L, T)`, `last_token` `(B,)` int32, T - 1 for every row, `num_tokens` int32, T,
        `first_kept` `(1,)`, the first of the L tokens to predict for, and `past_key_I`,
        `past_value_I` `(B, G, P, d)` for every layer; outputs `logits` `(B, K, V)` and `key_I`,
        `value_I` `(B, G, T, d)`.
    """
    writer = _DecoderWriter(rounded=rounded)
    body, config = decoder.model, decoder.config
    num_heads, num_groups = config.num_attention_heads, config.num_key_value_heads
    width = body.layers[0].self_attn.head_dim
    writer.keep("cos", _rotary_table(body, config, 0))
    writer.keep("sin", _rotary_table(body, config, 1))
    writer.numbers("widths", [width * heads for heads in (num_heads, num_groups, num_groups)])
    hidden, residual = "inputs_embeds", ""
    for number, layer in enumerate(body.layers):
        name = f"layer_{number}"
        hidden, residual = writer.norm(f"{name}_norm", layer.input_layernorm, hidden, residual)
        hidden = writer.attend(number, layer.self_attn, hidden, num_heads, num_groups)
        norm = layer.post_attention_layernorm
        hidden, residual = writer.norm(f"{name}_mlp_norm", norm, hidden, residual)
        hidden = writer.mlp(name, layer.mlp, hidden)
    hidden, _ = writer.norm("last_norm", body.norm, hidden, residual)
    writer.numbers("end", [np.iinfo(np.int64).max])
    writer.numbers("token_axis", [1])
    kept = writer.node("Slice", [hidden, "first_kept", "end", "token_axis"], ["kept"])
    writer.multiply("logits", decoder.lm_head.weight, kept)

    past: Shape = ["B", num_groups, "P", width]
    present: Shape = ["B", num_groups, "T", width]
    states = [f"{kind}_{number}" for number in range(len(body.layers)) for kind in ("key", "value")]
    return writer.open(
        {
            "inputs_embeds": (np.float32, ["B", "L", config.hidden_size]),
            "position_ids": (np.int64, ["B", "L"]),
            "attention_bias": (np.float32, ["B or 1", 1, "L", "T"]),
            "last_token": (np.int32, ["B"]),
            "num_tokens": (np.int32, []),
            "first_kept": (np.int64, [1]),
            **{f"past_{name}": (np.float32, past) for name in states},
        },
        {
            "logits": (np.float32, ["B", "K", config.vocab_size]),
            **dict.fromkeys(states, (np.float32, present)),
        },
    )


def quantized(matrix: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Round a matrix to 8 bits.

    Args:
        matrix: `(N, K)`, any number type.

    Returns:
        Bytes `(N, blocks, BLOCK)`, of which 128 stands for 0, and float32 scales `(N, blocks)`. The
        last block is filled up with zeros.
    """
    rows, columns = matrix.shape
    padded = nn.functional.pad(matrix.detach().float(), (0, -columns % BLOCK))
    blocks = padded.view(rows, -1, BLOCK)
    scales = blocks.abs().amax(dim=-1, keepdim=True) / (_ZERO - 1)
    scales = scales.where(scales > 0, torch.ones_like(scales))
    levels = (blocks / scales).round_().add_(_ZERO).to(torch.uint8)
    return levels.numpy(), scales.squeeze(-1).numpy()


@dataclass
class _DecoderWriter(GraphWriter):
    """Writes the layers of a decoder."""

    rounded: bool = True

    def attend(
        self, number: int, attention: Any, hidden: str, num_heads: int, num_groups: int
    ) -> str:
        name = f"layer_{number}"
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        joined = torch.cat([projection.weight for projection in projections])
        read = [f"{name}_{what}" for what in ("query", "key", "value")]
        self.node("Split", [self.multiply(f"{name}_qkv", joined, hidden), "widths"], read, axis=-1)
        found = self.node(
            "GroupQueryAttention",
            [
                *(self.turn(read[0], num_heads), self.turn(read[1], num_groups), read[2]),
                *(f"past_key_{number}", f"past_value_{number}", "last_token", "num_tokens"),
                *("", "", "", "attention_bias"),
            ],
            [f"{name}_found", f"key_{number}", f"value_{number}"],
            domain=MICROSOFT,
            num_heads=num_heads,
            kv_num_heads=num_groups,
            scale=float(attention.scaling),
        )
        return self.multiply(f"{name}_out", attention.o_proj.weight, found)

    def mlp(self, name: str, mlp: Any, hidden: str) -> str:
        gate = self.multiply(f"{name}_gate", mlp.gate_proj.weight, hidden)
        up = self.multiply(f"{name}_up", mlp.up_proj.weight, hidden)
        opened = self.node("Sigmoid", [gate], [f"{name}_opened"])
        swish = self.node("Mul", [gate, opened], [f"{name}_swish"])
        product = self.node("Mul", [swish, up], [f"{name}_product"])
        return self.multiply(f"{name}_down", mlp.down_proj.weight, product)

    def multiply(self, name: str, matrix: Tensor, values: str) -> str:
        """Multiplies by a matrix `(N, K)`."""
        rows, columns = matrix.shape
        if not self.rounded:
            kept = self.keep(f"{name}_matrix", matrix.detach().float().contiguous().numpy())
            return self.node("FusedMatMul", [values, kept], [name], domain=MICROSOFT, transB=1)
        levels, scales = quantized(matrix)
        return self.node(
            "MatMulNBits",
            [values, self.keep(f"{name}_levels", levels), self.keep(f"{name}_scales", scales)],
            [name],
            domain=MICROSOFT,
            N=rows,
            K=columns,
            bits=8,
            block_size=BLOCK,
            accuracy_level=_INT8_ACTIVATIONS,
        )

    def turn(self, name: str, num_heads: int) -> str:
        """Turns queries or keys to the places of their tokens."""
        inputs, outputs = [name, "position_ids", "cos", "sin"], [f"{name}_turned"]
        return self.node("RotaryEmbedding", inputs, outputs, domain=MICROSOFT, num_heads=num_heads)

    def norm(self, name: str, norm: Any, values: str, residual: str) -> tuple[str, str]:
        """Adds what a layer found to what it was given, and scales it; gives scaled sum and sum."""
        scale = self.keep(f"{name}_scale", norm.weight.detach().float().numpy())
        epsilon = float(norm.variance_epsilon)
        if not residual:
            kind = "SimplifiedLayerNormalization"
            self.node(kind, [values, scale], [name], axis=-1, epsilon=epsilon)
            return name, values
        total = f"{name}_sum"
        self.node(
            "SkipSimplifiedLayerNormalization",
            [values, residual, scale],
            [name, "", "", total],
            domain=MICROSOFT,
            epsilon=epsilon,
        )
        return name, total


def _rotary_table(body: Any, config: Any, which: int) -> np.ndarray:
    """Cosines (0) or sines (1) of every place, float32 `(places, d / 2)`."""
    places = torch.arange(config.max_position_embeddings)[None]
    with torch.no_grad():
        table: Tensor = body.rotary_emb(torch.zeros(1), places)[which][0]
    return table[:, : table.shape[-1] // 2].float().contiguous().numpy()
