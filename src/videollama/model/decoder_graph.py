"""A LLaMA decoder as a graph for ONNX Runtime, its matrices in 8 bits.

inputs_embeds ─▶ [norm ─ qkv ─ attention ─ out ─ norm ─ gate, up ─ down] x layers ─▶ norm ─▶ logits
                              ▲     │
              past keys, values     ▼ present keys, values

Matrices are multiplied by `MatMulNBits`: blocks of 32 weights share a scale, and what is multiplied
with them is rounded to 8 bits too. Attention is `GroupQueryAttention`, which appends to the cache;
its own rotation counts padding as places, so queries and keys are turned before.

Letters: B rows, L new tokens, P tokens in the cache, T = P + L, G heads of keys, d their width,
D width, K tokens to predict for, V vocabulary.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import onnx

BLOCK = 32
_ZERO = 128  # what stands for 0 in eight bits
_INT8_ACTIVATIONS = 4  # MatMulNBits' accuracy level
_OPSET, _MICROSOFT_OPSET, _IR_VERSION = 21, 1, 10


@dataclass(frozen=True)
class DecoderGraph:
    """A graph and the tensors that belong to it.

    Attributes:
        model: ONNX, serialised. Its initializers are external: give `weights` to the session.
        weights: By the names of the initializers.
    """

    model: bytes
    weights: dict[str, np.ndarray]


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


def write_graph(decoder: Any) -> DecoderGraph:
    """Write a decoder down.

    Args:
        decoder: A transformers `LlamaForCausalLM` for which `is_supported` holds.

    Returns:
        A graph with inputs `inputs_embeds` `(B, L, D)`, `position_ids` `(B, L)`, `attention_bias`
        `(B or 1, 1, L, T)`, `last_token` `(B,)` int32, T - 1 for every row, `num_tokens` int32, T,
        `first_kept` `(1,)`, the first of the L tokens to predict for, and `past_key_I`,
        `past_value_I` `(B, G, P, d)` for every layer; outputs `logits` `(B, K, V)` and `key_I`,
        `value_I` `(B, G, T, d)`.
    """
    from onnx import helper

    pen = _Pen()
    body, config = decoder.model, decoder.config
    num_heads, num_groups = config.num_attention_heads, config.num_key_value_heads
    pen.keep("cos", _rotary_table(body, config, 0))
    pen.keep("sin", _rotary_table(body, config, 1))
    width = body.layers[0].self_attn.head_dim
    pen.numbers("widths", [width * heads for heads in (num_heads, num_groups, num_groups)])
    hidden, residual = "inputs_embeds", ""
    for number, layer in enumerate(body.layers):
        attention, mlp = layer.self_attn, layer.mlp
        name = f"layer_{number}"
        hidden, residual = pen.norm(f"{name}_norm", layer.input_layernorm, hidden, residual)
        joined = torch.cat(
            [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]
        )
        read = [f"{name}_{what}" for what in ("query", "key", "value")]
        pen.node("Split", [pen.multiply(f"{name}_qkv", joined, hidden), "widths"], read, axis=-1)
        found = pen.node(
            "GroupQueryAttention",
            [
                *(pen.turn(read[0], num_heads), pen.turn(read[1], num_groups), read[2]),
                *(f"past_key_{number}", f"past_value_{number}", "last_token", "num_tokens"),
                *("", "", "", "attention_bias"),
            ],
            [f"{name}_found", f"key_{number}", f"value_{number}"],
            domain="com.microsoft",
            num_heads=num_heads,
            kv_num_heads=num_groups,
            scale=float(attention.scaling),
        )
        hidden = pen.multiply(f"{name}_out", attention.o_proj.weight, found)
        norm = layer.post_attention_layernorm
        hidden, residual = pen.norm(f"{name}_mlp_norm", norm, hidden, residual)
        gate = pen.multiply(f"{name}_gate", mlp.gate_proj.weight, hidden)
        up = pen.multiply(f"{name}_up", mlp.up_proj.weight, hidden)
        opened = pen.node("Sigmoid", [gate], [f"{name}_opened"])
        swish = pen.node("Mul", [gate, opened], [f"{name}_swish"])
        product = pen.node("Mul", [swish, up], [f"{name}_product"])
        hidden = pen.multiply(f"{name}_down", mlp.down_proj.weight, product)
    hidden, _ = pen.norm("last_norm", body.norm, hidden, residual)
    pen.numbers("end", [np.iinfo(np.int64).max])
    pen.numbers("token_axis", [1])
    kept = pen.node("Slice", [hidden, "first_kept", "end", "token_axis"], ["kept"])
    pen.multiply("logits", decoder.lm_head.weight, kept)

    graph = helper.make_graph(
        pen.nodes,
        "decoder",
        _inputs(len(body.layers), config.hidden_size, num_groups, width),
        _outputs(len(body.layers), config.vocab_size, num_groups, width),
        pen.initializers,
    )
    opsets = [
        helper.make_opsetid("", _OPSET),
        helper.make_opsetid("com.microsoft", _MICROSOFT_OPSET),
    ]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    return DecoderGraph(model.SerializeToString(), pen.weights)


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
class _Pen:
    """Writes nodes and keeps what they read."""

    nodes: "list[onnx.NodeProto]" = field(default_factory=list)
    initializers: "list[onnx.TensorProto]" = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def node(self, kind: str, inputs: list[str], outputs: list[str], **more: Any) -> str:
        """Writes a node; gives its first output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, **more))
        return outputs[0]

    def keep(self, name: str, values: np.ndarray) -> str:
        """Keeps a tensor beside the graph, which may be larger than a graph may be."""
        from onnx import TensorProto, helper

        place = TensorProto(
            name=name,
            data_type=helper.np_dtype_to_tensor_dtype(values.dtype),
            dims=values.shape,
            data_location=TensorProto.EXTERNAL,
        )
        place.external_data.add(key="location", value="weights")
        self.initializers.append(place)
        self.weights[name] = values
        return name

    def numbers(self, name: str, values: list[int]) -> None:
        """Writes whole numbers into the graph itself."""
        self.node("Constant", [], [name], value_ints=values)

    def multiply(self, name: str, matrix: Tensor, values: str) -> str:
        """Multiplies by a rounded matrix `(N, K)`."""
        levels, scales = quantized(matrix)
        rows, columns = matrix.shape
        return self.node(
            "MatMulNBits",
            [values, self.keep(f"{name}_levels", levels), self.keep(f"{name}_scales", scales)],
            [name],
            domain="com.microsoft",
            N=rows,
            K=columns,
            bits=8,
            block_size=BLOCK,
            accuracy_level=_INT8_ACTIVATIONS,
        )

    def turn(self, name: str, num_heads: int) -> str:
        """Turns queries or keys to the places of their tokens."""
        return self.node(
            "RotaryEmbedding",
            [name, "position_ids", "cos", "sin"],
            [f"{name}_turned"],
            domain="com.microsoft",
            num_heads=num_heads,
        )

    def norm(self, name: str, norm: Any, values: str, residual: str) -> tuple[str, str]:
        """Adds what a layer found to what it was given, and scales it; gives scaled sum and sum."""
        scale = self.keep(f"{name}_scale", norm.weight.detach().float().numpy())
        epsilon = float(norm.variance_epsilon)
        if not residual:
            self.node(
                "SimplifiedLayerNormalization", [values, scale], [name], axis=-1, epsilon=epsilon
            )
            return name, values
        total = f"{name}_sum"
        self.node(
            "SkipSimplifiedLayerNormalization",
            [values, residual, scale],
            [name, "", "", total],
            domain="com.microsoft",
            epsilon=epsilon,
        )
        return name, total


def _rotary_table(body: Any, config: Any, which: int) -> np.ndarray:
    """Cosines (0) or sines (1) of every place, float32 `(places, d / 2)`."""
    places = torch.arange(config.max_position_embeddings)[None]
    with torch.no_grad():
        table: Tensor = body.rotary_emb(torch.zeros(1), places)[which][0]
    return table[:, : table.shape[-1] // 2].float().contiguous().numpy()


def _inputs(
    num_layers: int, hidden_size: int, num_groups: int, width: int
) -> "list[onnx.ValueInfoProto]":
    from onnx import TensorProto, helper

    make = helper.make_tensor_value_info
    real, whole, short = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32
    inputs = [
        make("inputs_embeds", real, ["B", "L", hidden_size]),
        make("position_ids", whole, ["B", "L"]),
        make("attention_bias", real, ["B or 1", 1, "L", "T"]),
        make("last_token", short, ["B"]),
        make("num_tokens", short, []),
        make("first_kept", whole, [1]),
    ]
    past: list[str | int | None] = ["B", num_groups, "P", width]
    names = [f"past_{kind}_{number}" for number in range(num_layers) for kind in ("key", "value")]
    return inputs + [make(name, real, past) for name in names]


def _outputs(
    num_layers: int, vocab_size: int, num_groups: int, width: int
) -> "list[onnx.ValueInfoProto]":
    from onnx import TensorProto, helper

    make, real = helper.make_tensor_value_info, TensorProto.FLOAT
    present: list[str | int | None] = ["B", num_groups, "T", width]
    names = [f"{kind}_{number}" for number in range(num_layers) for kind in ("key", "value")]
    return [make("logits", real, ["B", "K", vocab_size]), *(make(n, real, present) for n in names)]
