"""Read a LLaMA-type decoder from a GGUF file and keep it as an ordinary transformers folder.

The file is read with the `gguf` library and dequantised number for number; transformers' own GGUF
reader gives the same tensors but takes several times as long, loses the digit splitting of the
tokenizer, and its models refuse `save_pretrained`.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.errors import CheckpointError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from tokenizers import Tokenizer

_BLOCK_KEYS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTER_KEYS = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_CONTROL_TOKEN = 3  # token_type of special tokens in GGUF


def save_gguf_decoder(gguf_file: Path, folder: Path) -> None:
    """Write config, float32 safetensors and tokenizer of a GGUF decoder into `folder`.

    Args:
        gguf_file: a GGUF file of architecture "llama" with a byte-level BPE tokenizer.
        folder: an existing folder; files in it are overwritten.

    Raises:
        CheckpointError: the file is damaged or holds another architecture.
    """
    import gguf
    from safetensors.torch import save_file
    from transformers import GenerationConfig, PreTrainedTokenizerFast

    try:
        reader = gguf.GGUFReader(gguf_file)
        fields = {name: field.contents() for name, field in reader.fields.items()}
    except (ValueError, KeyError, IndexError) as error:
        raise CheckpointError(
            f"{gguf_file} is not a readable GGUF file ({error}); fetch it again."
        ) from error
    architecture = fields.get("general.architecture")
    if architecture != "llama" or fields.get("tokenizer.ggml.model") != "gpt2":
        raise CheckpointError(
            f"{gguf_file} holds a decoder of type {architecture!r}; only LLaMA-type decoders with "
            "a byte-level BPE tokenizer can be read from GGUF."
        )
    state_dict = _state_dict(reader.tensors, fields)
    config = _llama_config(fields, tied="lm_head.weight" not in state_dict)
    config.save_pretrained(folder)
    GenerationConfig.from_model_config(config).save_pretrained(folder)
    save_file(state_dict, folder / "model.safetensors", metadata={"format": "pt"})
    tokens = fields["tokenizer.ggml.tokens"]
    PreTrainedTokenizerFast(
        tokenizer_object=_byte_level_bpe(fields),
        bos_token=tokens[fields["tokenizer.ggml.bos_token_id"]],
        eos_token=tokens[fields["tokenizer.ggml.eos_token_id"]],
        unk_token=tokens[fields["tokenizer.ggml.unknown_token_id"]],
        pad_token=tokens[fields["tokenizer.ggml.padding_token_id"]],
        chat_template=fields.get("tokenizer.chat_template"),
        clean_up_tokenization_spaces=False,
        model_max_length=config.max_position_embeddings,
    ).save_pretrained(folder)


def _llama_config(fields: dict[str, Any], *, tied: bool) -> Any:
    from transformers import LlamaConfig

    def significant(number: float) -> float:
        """GGUF stores float32; 1e-5 would come back as 9.999999747378752e-06."""
        return float(f"{number:.6g}")

    return LlamaConfig(
        vocab_size=len(fields["tokenizer.ggml.tokens"]),
        hidden_size=fields["llama.embedding_length"],
        intermediate_size=fields["llama.feed_forward_length"],
        num_hidden_layers=fields["llama.block_count"],
        num_attention_heads=fields["llama.attention.head_count"],
        num_key_value_heads=fields["llama.attention.head_count_kv"],
        max_position_embeddings=fields["llama.context_length"],
        rms_norm_eps=significant(fields["llama.attention.layer_norm_rms_epsilon"]),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": significant(fields["llama.rope.freq_base"]),
        },
        bos_token_id=fields["tokenizer.ggml.bos_token_id"],
        eos_token_id=fields["tokenizer.ggml.eos_token_id"],
        pad_token_id=fields["tokenizer.ggml.padding_token_id"],
        tie_word_embeddings=tied,
        architectures=["LlamaForCausalLM"],
        dtype="float32",
    )


def _state_dict(tensors: list[Any], fields: dict[str, Any]) -> "dict[str, torch.Tensor]":
    import numpy as np
    import torch
    from gguf.quants import dequantize

    heads = {
        "attn_q": fields["llama.attention.head_count"],
        "attn_k": fields["llama.attention.head_count_kv"],
    }
    state_dict = {}
    for tensor in tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        name, num_heads = tensor.name, None
        if match := re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name):
            layer, part = match.groups()
            num_heads = heads.get(part)
            key = f"model.layers.{layer}.{_BLOCK_KEYS.get(part, part)}.weight"
        else:
            key = _OUTER_KEYS.get(name, name)
        if num_heads is not None:
            values = _half_rotation_order(values, num_heads)
        state_dict[key] = torch.from_numpy(np.array(values, dtype=np.float32, order="C"))
    return state_dict


def _half_rotation_order(weight: "np.ndarray", num_heads: int) -> "np.ndarray":
    """Undo llama.cpp's row order (rotary pairs side by side) into transformers' (halves).

    Args:
        weight: (heads * head_dim, hidden) rows of a query or key projection.
        num_heads: number of heads among the rows.
    """
    rows, columns = weight.shape
    pairs = weight.reshape(num_heads, rows // num_heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def _byte_level_bpe(fields: dict[str, Any]) -> "Tokenizer":
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if fields.get("tokenizer.ggml.pre") == "smollm":  # every digit is a token of its own
        digits = pre_tokenizers.Digits(individual_digits=True)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    else:
        tokenizer.pre_tokenizer = byte_level
    tokenizer.decoder = decoders.ByteLevel()
    types = fields["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, types, strict=True)
            if kind == _CONTROL_TOKEN
        ]
    )
    return tokenizer
