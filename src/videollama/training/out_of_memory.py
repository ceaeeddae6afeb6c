"""A batch that does not fit into memory: one sentence with the estimate and what helps."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from videollama.errors import RecipeError
from videollama.training.plan import plan_run
from videollama.training.recipe import AnyRecipe

_CPU_ALLOCATOR = "DefaultCPUAllocator"


@contextmanager
def telling_what_fits(recipe: AnyRecipe, data: Path) -> Iterator[None]:
    """Turn "out of memory" into a sentence.

    Args:
        recipe: What is trained.
        data: Folder that holds its data.

    Raises:
        RecipeError: Memory is used up.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        is_full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not is_full and _CPU_ALLOCATOR not in str(error):
            raise
        training = recipe.training
        wanted = sum(plan_run(recipe, data).memory_bytes.values())
        is_halved = training.precision == "bfloat16"
        other = "lower samples.max_tokens" if is_halved else "set training.precision=bfloat16"
        raise RecipeError(
            f"Memory is used up: with training.batch_size={training.batch_size} this takes about "
            f"{wanted / 1e9:.1f} GB; lower it and raise training.gradient_accumulation in turn, or "
            f"{other}, and begin in another --out."
        ) from error
