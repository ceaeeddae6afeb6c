"""What a recipe would do, computed from configurations: no weights."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from videollama.configuration import VideoLlamaConfig
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.planned_time import PlannedTime
from videollama.training.recipe import TrainingSection
from videollama.training.stages import belongs_to

_TRAINED_BYTES = 16  # weight, gradient and AdamW's two means, in float32


@dataclass(frozen=True)
class PlannedPart:
    """A part of the model.

    Attributes:
        name: As in the model.
        parameters: Its numbers.
        trained: Whether it learns.
    """

    name: str
    parameters: int
    trained: bool


@dataclass(frozen=True)
class PlannedRun:
    """What a run would do.

    Attributes:
        parts: Of the model, in order.
        samples: In each source, and held out; empty for the default model's recipes.
        weights: How often each source is taken, as shares of 1.
        broken: Entries that are no sample, by place; media were not opened.
        steps: Optimizer steps.
        samples_seen: Samples of the whole run.
        epochs: How often that is every sample, on average, where they are counted.
        memory_bytes: Of weights, of what training them takes, and of what the backward pass keeps
            of a batch at most.
        time: How long it takes, about; None for the default model's recipes.
    """

    parts: tuple[PlannedPart, ...]
    samples: dict[str, int]
    weights: dict[str, float]
    broken: dict[str, str]
    steps: int
    samples_seen: int
    epochs: float | None
    memory_bytes: dict[str, int]
    time: PlannedTime | None = None

    @property
    def trained_parameters(self) -> int:
        """Numbers that learn."""
        return sum(part.parameters for part in self.parts if part.trained)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "trained_parameters": self.trained_parameters}


def planned_parts(config: VideoLlamaConfig, trained: tuple[str, ...]) -> tuple[PlannedPart, ...]:
    """The parts of a model, those that are trained marked."""
    with torch.device("meta"):
        skeleton = VideoLlamaForConditionalGeneration(config)
    counts: dict[str, int] = {}
    for name, parameter in skeleton.named_parameters():  # a tied one comes once
        part = name.split(".", 1)[0]
        counts[part] = counts.get(part, 0) + parameter.numel()
    return tuple(
        PlannedPart(name, count, belongs_to(name, trained)) for name, count in counts.items()
    )


def planned_memory(
    config: VideoLlamaConfig,
    parts: tuple[PlannedPart, ...],
    training: TrainingSection,
    num_tokens: int,
) -> dict[str, int]:
    """Bytes that a run takes.

    Args:
        config: The model's.
        parts: Of the model.
        training: The recipe's section.
        num_tokens: Tokens of the longest sample.
    """
    size = 2 if training.precision == "bfloat16" else 4
    decoder = sum(part.parameters for part in parts if part.name == "language_model")
    trained = sum(part.parameters for part in parts if part.trained)
    frozen = sum(part.parameters for part in parts) - decoder - trained
    text = config.text_config
    # Korthikanti et al. 2022 (arXiv 2205.05198), section 4, for activations of two bytes.
    one_layer = (
        num_tokens
        * text.hidden_size
        * (34 + 5 * text.num_attention_heads * num_tokens / text.hidden_size)
    )
    kept = training.batch_size * text.num_hidden_layers * one_layer * size / 2
    return {
        "decoder": decoder * size,
        "frozen encoders": frozen * 4,
        "trained parts": trained * _TRAINED_BYTES,
        "backward pass, at most": int(kept),
    }
