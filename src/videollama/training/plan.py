"""What any recipe would do, before it does it."""

from pathlib import Path

from videollama.checkpoints.memory_estimate import config_of
from videollama.checkpoints.model_configs import read_decoder_config
from videollama.checkpoints.resolve import DEFAULT_MODEL
from videollama.checkpoints.skeleton import skeleton_of
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.plan import plan_finetune
from videollama.training.network import build_config
from videollama.training.planned_memory import memory_savings, planned_memory
from videollama.training.planned_run import PlannedRun, planned_parts
from videollama.training.recipe import AnyRecipe, Recipe
from videollama.training.stages import trained_parts

_PROMPT_TOKENS = 256  # several questions about one clip, packed (`branches.py`)


def plan_run(
    recipe: AnyRecipe, folder: Path, *, with_time: bool = False, peak_tflops: float | None = None
) -> PlannedRun:
    """Compute what a recipe would do; no weights are read.

    Args:
        recipe: What would be done.
        folder: Folder that holds the recipe's data; the default model's are not counted.
        with_time: Also estimate how long a `finetune` recipe takes.
        peak_tflops: Peak of the device that is meant; None measures this machine for some seconds.

    Raises:
        ModelNotFoundError: Neither a folder nor a known name.
        CheckpointError: A folder holds no model or decoder.
        RecipeError: The recipe asks for what the model does not have.
        DataError: Annotations are not usable.
    """
    if isinstance(recipe, FinetuneRecipe):
        return plan_finetune(recipe, folder, with_time=with_time, peak_tflops=peak_tflops)
    if isinstance(recipe, Recipe):
        return _plan_default(recipe)
    raise TypeError(f"{type(recipe).__name__} is no recipe")


def _plan_default(recipe: Recipe) -> PlannedRun:
    chosen, training = recipe.network.decoder, recipe.training
    text = config_of(DEFAULT_MODEL).text_config
    decoder = text if chosen is None else read_decoder_config(Path(chosen))
    model = skeleton_of(build_config(recipe.network, decoder))
    parts = planned_parts(model, trained_parts(recipe))
    return PlannedRun(
        parts=parts,
        samples={},
        weights={},
        broken={},
        steps=training.max_steps,
        samples_seen=training.max_steps * training.batch_size * training.gradient_accumulation,
        epochs=None,
        memory_bytes=planned_memory(model, parts, recipe, _PROMPT_TOKENS),
        memory_savings=memory_savings(model, parts, recipe, _PROMPT_TOKENS),
    )
