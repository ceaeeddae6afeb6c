"""What a recipe would do, computed from configurations: no weights."""

from dataclasses import asdict, dataclass
from typing import Any

from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.planned_time import PlannedTime
from videollama.training.stages import belongs_to


@dataclass(frozen=True)
class PlannedPart:
    """A part of the model.

    Attributes:
        name: As in the model; "low-rank changes" are the decoder's.
        parameters: Its numbers.
        trained: Whether it learns.
    """

    name: str
    parameters: int
    trained: bool


@dataclass(frozen=True)
class MemorySaving:
    """Values of a recipe that take less memory.

    Attributes:
        settings: As `--set` takes them.
        bytes: How much less they take.
        refused_on: The kind of device that refuses them, if one does.
        drawback: What else they change, for people.
    """

    settings: str
    bytes: int
    refused_on: str = ""
    drawback: str = ""

    def __str__(self) -> str:
        """For people."""
        but = f", but {self.drawback}" if self.drawback else ""
        return f"{self.settings} ({self.bytes / 1e9:.1f} GB less{but})"


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
        memory_savings: What to change if that is too much, in this order.
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
    memory_savings: tuple[MemorySaving, ...]
    time: PlannedTime | None = None

    @property
    def trained_parameters(self) -> int:
        """Numbers that learn."""
        return sum(part.parameters for part in self.parts if part.trained)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "trained_parameters": self.trained_parameters}


def planned_parts(
    model: VideoLlamaForConditionalGeneration, trained: tuple[str, ...]
) -> tuple[PlannedPart, ...]:
    """The parts of a model, those that are trained marked."""
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():  # a tied one comes once
        part = name.split(".", 1)[0]
        counts[part] = counts.get(part, 0) + parameter.numel()
    return tuple(
        PlannedPart(name, count, belongs_to(name, trained)) for name, count in counts.items()
    )
