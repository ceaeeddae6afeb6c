"""A batch that does not fit into memory: one sentence with the estimate and what helps."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from videollama.checkpoints.devices import choose_device
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
        plan = plan_run(recipe, data)
        wanted = sum(plan.memory_bytes.values())
        kind = choose_device().type
        possible = [saving for saving in plan.memory_savings if saving.refused_on != kind]
        helps = " or ".join(map(str, possible[:2]))
        raise RecipeError(
            f"Memory is used up: this takes about {wanted / 1e9:.1f} GB; begin in another --out "
            f"with {helps or 'a smaller model'}."
        ) from error
