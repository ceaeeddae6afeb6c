"""How much memory a model takes, computed from its configuration: no weights, no network."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from videollama.checkpoints.adapters import base_model_of
from videollama.checkpoints.devices import choose_bits
from videollama.checkpoints.pull import DECODER_HUB_ID
from videollama.checkpoints.resolve import (
    DEFAULT_MODEL,
    RELEASED_MODELS,
    known_hub_name,
    read_json,
    resolve,
)
from videollama.checkpoints.skeleton import ModelPart, count_parameters, skeleton_of
from videollama.errors import InputError, ModelNotFoundError

if TYPE_CHECKING:
    from torch import nn

    from videollama.configuration import VideoLlamaConfig

Part = Literal[ModelPart, "cache"]
Precision = Literal["float32", "bfloat16", "8-bit", "4-bit"]

# LLaMA-2-Chat; 7B is the configuration's default. A merged Vicuna, BiLLa or Ziya differs by its
# words only.
RELEASED_SIZES: dict[str, dict[str, Any]] = {
    "7B": {},
    "13B": {
        "hidden_size": 5120,
        "intermediate_size": 13_824,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "num_key_value_heads": 40,
    },
}
_BYTES_OF: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "8-bit": 2, "4-bit": 2}
_SCALE_BYTES = 4
_WEIGHTS_PER_SCALE = 64  # of bitsandbytes' 4-bit types; its 8-bit type has a scale for every row


@dataclass(frozen=True)
class MemoryEstimate:
    """What one model and one conversation take.

    Attributes:
        model: The reference that was given.
        context_tokens: Tokens of the conversation, those of media and of the answer included.
        parameters: Number of weights of each part.
        bytes: For every precision what each part takes, the decoder's cache among them.
    """

    model: str
    context_tokens: int
    parameters: dict[ModelPart, int]
    bytes: dict[Precision, dict[Part, int]]

    def total_bytes(self, precision: Precision) -> int:
        """All parts together."""
        return sum(self.bytes[precision].values())


def estimate_memory(ref: str, context_tokens: int | None = None) -> MemoryEstimate:
    """Computes what a model takes.

    In "8-bit" and "4-bit" the linear layers of the decoder are quantized as bitsandbytes does it;
    its word table and head, the other parts and the cache are bfloat16. What a pass needs in
    between is not counted.

    Args:
        ref: "tiny", a folder, the name of a released model, "7B" or "13B".
        context_tokens: Tokens of the conversation; by default as many as the decoder may read.

    Raises:
        ModelNotFoundError: Neither a folder nor a known name.
        CheckpointError: The folder holds no model.
        InputError: The context makes no sense, or the name stands for models of several sizes.
    """
    from videollama.processing import longest_context

    config = config_of(ref)
    context = longest_context(config) if context_tokens is None else context_tokens
    if context < 1:
        raise InputError(f"A context of {context} tokens is not possible; use 1 or more.")
    skeleton = skeleton_of(config)
    parameters = count_parameters(skeleton)
    cache = _cached_values(config.text_config) * context
    return MemoryEstimate(
        ref,
        context,
        parameters,
        {
            precision: {
                **{part: count * size for part, count in parameters.items()},
                "decoder": decoder_bytes(skeleton.language_model, choose_bits(precision), size),
                "cache": cache * size,
            }
            for precision, size in _BYTES_OF.items()
        },
    )


def config_of(ref: str) -> "VideoLlamaConfig":
    """A model's configuration; of a released name or size, what its files would give.

    Args:
        ref: "tiny", a folder, the name of a released model, "7B" or "13B".

    Raises:
        ModelNotFoundError: Neither a folder nor a known name.
        CheckpointError: The folder holds no model.
    """
    from videollama.configuration import VideoLlamaConfig

    if ref != DEFAULT_MODEL and not Path(ref).expanduser().exists():
        return VideoLlamaConfig(text_config=_released_decoder(ref))
    resolved = resolve(ref)
    if resolved.kind == "adapter":
        base = base_model_of(resolved.folder)
        return config_of(DEFAULT_MODEL if base == DECODER_HUB_ID else base)
    if resolved.kind == "original":
        from videollama.checkpoints.original_model import read_original

        return read_original(resolved.folder, resolved.checkpoint)[0]
    return VideoLlamaConfig.from_dict(read_json(resolved.folder / "config.json"))


def decoder_bytes(decoder: "nn.Module", bits: int | None, size: int) -> int:
    """What a decoder's weights take.

    Args:
        decoder: Its weights may be without numbers.
        bits: 8 or 4 of each weight in its linear layers but the head; None: they are as all else.
        size: Bytes of every other number.
    """
    count = sum(parameter.numel() for parameter in decoder.parameters())
    if bits is None:
        return count * size
    linear = _linear_layers(decoder)
    quantized = sum(rows * columns for rows, columns in linear)
    rest = (count - quantized) * size
    if bits == 8:
        return rest + quantized + _SCALE_BYTES * sum(rows for rows, _ in linear)
    return rest + quantized // 2 + _SCALE_BYTES * quantized // _WEIGHTS_PER_SCALE


def _released_decoder(ref: str) -> dict[str, Any]:
    size = ref.upper()
    if size not in RELEASED_SIZES:
        name = known_hub_name(ref)
        sizes = [size for size in RELEASED_SIZES if name and f"-{size}-" in name]
        if not sizes:
            known = ", ".join((DEFAULT_MODEL, *RELEASED_SIZES, *RELEASED_MODELS[:-1]))
            raise ModelNotFoundError(
                f"The size of {ref!r} is not known without its files; give its folder, or one of "
                f"{known}."
            )
        size = sizes[0]
    return {"model_type": "llama", "max_position_embeddings": 4096, **RELEASED_SIZES[size]}


def _linear_layers(decoder: "nn.Module") -> list[tuple[int, int]]:
    """Rows and columns of all matrices that are quantized: all but the head's."""
    from torch.nn import Linear

    head = decoder.get_output_embeddings()  # type: ignore[operator]
    return [
        (module.out_features, module.in_features)
        for module in decoder.modules()
        if isinstance(module, Linear) and module is not head
    ]


def _cached_values(decoder: Any) -> int:
    """Numbers that the decoder's cache holds for a token: keys and values of all layers."""
    head_size = getattr(decoder, "head_dim", None)
    head_size = head_size or decoder.hidden_size // decoder.num_attention_heads
    heads = getattr(decoder, "num_key_value_heads", None) or decoder.num_attention_heads
    return 2 * decoder.num_hidden_layers * heads * head_size
