"""From a recipe's `training` section to transformers' arguments and the learning rate's course."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from videollama.training.recipe import AnyRecipe, TrainingSection
from videollama.training.trackers import PROJECT, tracked_name


@dataclass
class RunArguments(TrainingArguments):
    """transformers' arguments, with what trackers should know of a run.

    Attributes:
        recipe: Resolved.
    """

    recipe: dict[str, Any] = field(default_factory=dict)


def training_arguments(recipe: AnyRecipe, folder: Path) -> RunArguments:
    """What transformers' Trainer is told.

    Args:
        recipe: Its steps counted.
        folder: The run's.
    """
    options = recipe.training
    arguments = RunArguments(
        recipe=recipe.model_dump(),
        run_name=tracked_name(folder) if options.report_to else None,
        project=PROJECT,
        output_dir=str(folder),
        max_steps=options.max_steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=options.gradient_accumulation,
        max_grad_norm=options.max_grad_norm,
        learning_rate=options.learning_rate,  # these four are only told: optimizer and course are
        weight_decay=options.weight_decay,  # the trainer's own
        warmup_steps=options.warmup_steps,
        adam_beta2=options.beta2,
        bf16=options.precision == "bfloat16",
        fp16=options.precision == "float16",
        use_cpu=not torch.accelerator.is_available(),
        seed=recipe.seed,
        data_seed=recipe.seed,
        train_sampling_strategy="sequential",
        save_strategy="steps",
        save_steps=options.save_every,
        eval_strategy="steps",
        eval_steps=options.validate_every,
        logging_strategy="no",
        report_to=list(options.report_to),
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=True,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one process per GPU; never DataParallel
    return arguments


def rate_share(step: int, total: int, options: TrainingSection) -> float:
    """Learning rate at a step, as a share of the highest."""
    warm = min(1.0, (step + 1) / max(options.warmup_steps, 1))
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(step, total) / total))
    return warm * (cosine * (1.0 - options.final_share) + options.final_share)
