"""Several processes that train together: how they start, and what each takes of a step.

    torchrun --nproc_per_node 2 --no-python videollama train RECIPE

A step takes M batches, step s (from 0) those numbered s * M to s * M + M - 1. M is the recipe's
`gradient_accumulation` times the number of processes that begin the run, and stays what it is when
the run goes on with more or fewer. Process p of P takes the batches whose number leaves p when
divided by P. Gradients and logged numbers are means over the M batches, so that a run of 2
processes equals a run of 1 with twice the `gradient_accumulation`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

from videollama.errors import RecipeError
from videollama.training.recipe import AnyRecipe

T = TypeVar("T")
Shaped = TypeVar("Shaped", bound=AnyRecipe)
_LONGEST_WAIT = timedelta(days=1)
"""The others wait while the first process encodes; torchrun ends them if it fails."""


def start_processes() -> None:
    """Join the processes that a launcher started, if one did; gloo without an accelerator."""
    PartialState(cpu=not torch.accelerator.is_available(), timeout=_LONGEST_WAIT)


def end_processes() -> None:
    """Leave the others; without them nothing happens."""
    PartialState().destroy_process_group()


def is_first_process() -> bool:
    """Whether this process is the one that writes and reports."""
    return bool(PartialState().is_main_process)


def by_first(produce: Callable[[], T]) -> T:
    """What the first process produces, in all of them; they end if it fails."""
    return broadcast_object_list([produce() if is_first_process() else None])[0]


def of_all(items: list[Any]) -> list[Any]:
    """The items of all processes, in all of them."""
    return gather_object(items)


def batches_of_step(recipe: AnyRecipe) -> int:
    """Batches that a step of this run takes, over all processes."""
    return recipe.training.gradient_accumulation * int(PartialState().num_processes)


def share_of_step(recipe: Shaped, batches: int | None) -> Shaped:
    """The recipe with as much `gradient_accumulation` as this process's share of a step.

    Args:
        recipe: As it was written.
        batches: That a step of the run takes; None for a run that begins.

    Raises:
        RecipeError: They cannot be shared equally.
    """
    if batches is None:
        return recipe
    num_processes = int(PartialState().num_processes)
    share, rest = divmod(batches, num_processes)
    if rest:
        fitting = [str(n) for n in range(1, batches + 1) if batches % n == 0]
        raise RecipeError(
            f"A step of this run takes {batches} batches, which {num_processes} processes cannot "
            f"share equally; go on with {' or '.join(fitting)}, or begin anew with another --out."
        )
    training = recipe.training.model_copy(update={"gradient_accumulation": share})
    return recipe.model_copy(update={"training": training})
