"""From a recipe's `training` section to transformers' arguments and the learning rate's course."""

import math
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import TrainingArguments

from videollama.errors import RecipeError
from videollama.training.recipe import TrainingSection


def training_arguments(options: TrainingSection, folder: Path, seed: int) -> TrainingArguments:
    """What transformers' Trainer is told.

    Args:
        options: The recipe's section.
        folder: The run's.
        seed: The recipe's.

    Raises:
        RecipeError: What `report_to` names is not installed.
    """
    for name in options.report_to:
        if find_spec(name) is None:
            raise RecipeError(
                f"training.report_to names {name}, which is not installed; run "
                f"`pip install 'videollama[{name}]'`, or leave it out."
            )
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=options.max_steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=options.gradient_accumulation,
        max_grad_norm=options.max_grad_norm,
        bf16=options.precision == "bfloat16",
        fp16=options.precision == "float16",
        use_cpu=not torch.accelerator.is_available(),
        seed=seed,
        data_seed=seed,
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
