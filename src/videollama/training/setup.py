"""What a trainer needs, whatever the recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from videollama.training.batches import Batches
from videollama.training.finetuning.shown_answers import ShownAnswers
from videollama.training.recipe import TrainingSection
from videollama.training.stages import Objective


@dataclass(frozen=True)
class Setup:
    """All that a trainer needs for a recipe.

    Attributes:
        objective: What is trained, and its losses.
        training: Batches.
        validation: Batches.
        counts: Samples in each part of the data.
        options: The recipe's `training` section, its steps counted.
        write_model: Takes the weights of this run and those before it, and a folder for the whole
            model; gives the folder, or None while parts are missing.
        earlier: Weights that earlier runs handed on.
        validates_first: Whether to validate before the first step too.
        show: Shows what the model answers now and then.
    """

    objective: Objective
    training: Batches
    validation: Batches
    counts: dict[str, int]
    options: TrainingSection
    write_model: Callable[[Mapping[str, Tensor], Path], Path | None]
    earlier: Mapping[str, Tensor] = field(default_factory=dict)
    validates_first: bool = False
    show: ShownAnswers | None = None
