"""Join what the stages trained into a model folder that `load_model` reads.

OUT/config.json             sizes
OUT/model.safetensors       float16, everything that is ours; no decoder, no image encoder
OUT/processor_config.json   how media and messages are prepared
OUT/generation_config.json  how the decoder writes: no run of four tokens twice in an answer
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import GenerationConfig

from videollama.checkpoints.atomic_output import new_folder
from videollama.errors import CheckpointError
from videollama.processing import VideoLlamaProcessor
from videollama.training.stages import SHIPPED_PARTS, belongs_to

UNREPEATED_TOKENS = 4  # small decoders fall into loops: "in front of a window with a window with"


def missing_parts(weights: Mapping[str, Tensor]) -> list[str]:
    """Parts that a whole model needs and that no stage has trained yet."""
    present = {name.split(".", 1)[0] for name in weights}
    return [part for part in SHIPPED_PARTS if part not in present]


def join_stages(
    processor: VideoLlamaProcessor, stages: Sequence[Mapping[str, Tensor]], folder: Path
) -> None:
    """Write a model folder.

    Args:
        processor: Of the model; holds its configuration.
        stages: Trained weights by the model's names; where two hold the same, the later one counts.
        folder: Where it goes; an older one is replaced whole.

    Raises:
        CheckpointError: A part is missing, or a weight does not fit into float16.
        OutputError: The folder cannot be written.
    """
    weights = {
        name: tensor
        for stage in stages
        for name, tensor in stage.items()
        if belongs_to(name, SHIPPED_PARTS)
    }
    if missing := missing_parts(weights):
        raise CheckpointError(
            f"No stage has trained {', '.join(missing)}; add the runs that did to start_from."
        )
    halves = {name: _half(name, tensor) for name, tensor in sorted(weights.items())}
    with new_folder(folder, replace=True) as draft:
        save_file(halves, draft / "model.safetensors", metadata={"format": "pt"})
        processor.config.save_pretrained(draft)
        processor.to_json_file(draft / "processor_config.json")
        defaults = GenerationConfig.from_model_config(processor.config.text_config)
        defaults.no_repeat_ngram_size = UNREPEATED_TOKENS
        defaults.save_pretrained(draft)


def _half(name: str, tensor: Tensor) -> Tensor:
    """A weight in float16; counters stay whole numbers."""
    if not tensor.is_floating_point():
        return tensor.contiguous()
    half = tensor.to(torch.float16).contiguous()
    if not torch.isfinite(half).all():
        raise CheckpointError(f"{name} holds values beyond float16; train it with more care.")
    return half
