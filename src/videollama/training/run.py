"""Run a recipe: to its end or its time limit, and write the weights down."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file

from videollama.checkpoints.atomic_output import new_file
from videollama.training.broken_samples import BrokenSamples
from videollama.training.feature_cache import Report
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.preparation import prepare_finetune
from videollama.training.network import WEIGHTS_FILE
from videollama.training.preparation import prepare
from videollama.training.recipe import AnyRecipe, Recipe
from videollama.training.run_folder import holding, note_run, open_run
from videollama.training.run_log import RunLog
from videollama.training.setup import Setup
from videollama.training.trainer import ObjectiveTrainer


@dataclass(frozen=True)
class Finished:
    """How a run ended.

    Attributes:
        steps: Steps trained.
        max_steps: Steps of the whole run.
        weights: File with what this run and those before it trained.
        model: Folder of the whole model; None while parts are missing.
        num_broken: Samples that were skipped.
    """

    steps: int
    max_steps: int
    weights: Path
    model: Path | None
    num_broken: int


def train(
    recipe: AnyRecipe, data: Path, out: Path, *, resume: bool = False, report: Report = print
) -> Finished:
    """Run a recipe to its end, or to its time limit.

    Args:
        recipe: What to do.
        data: Folder that holds the recipe's data.
        out: The run's folder.
        resume: Go on with the run that is there.
        report: Told lines of progress.

    Raises:
        DataError: The data are not usable, or the loss is not a number.
        RecipeError: `out` holds a run of another recipe, or `start_from` leads nowhere.
        OutputError: `out` or the cache cannot be written, or another process trains there.
    """
    with holding(out):
        return _train(recipe, data, out, resume=resume, report=report)


def _train(recipe: AnyRecipe, data: Path, out: Path, *, resume: bool, report: Report) -> Finished:
    checkpoint = open_run(out, recipe, resume=resume)
    broken = BrokenSamples(recipe.data.max_broken)
    setup = _prepare(recipe, data, out, broken, report)
    note_run(out, setup.counts, broken.reasons)
    known = set(broken.reasons)
    for name in known:
        report(f"skipped {name}: {broken.reasons[name]}")
    log = RunLog(
        out / "log.jsonl", report, every=setup.options.log_every, total=setup.options.max_steps
    )
    trainer = ObjectiveTrainer(
        setup.objective,
        setup.training,
        setup.validation,
        options=setup.options,
        folder=out,
        seed=recipe.seed,
        log=log,
    )
    if setup.validates_first and checkpoint is None:
        trainer.evaluate()
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    trainer.evaluate()
    weights = {**setup.earlier, **setup.objective.trained_weights()}
    weights = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    with new_file(out / WEIGHTS_FILE) as draft:
        save_file(weights, draft, metadata={"format": "pt"})
    if len(broken.reasons) > len(known):  # found while training
        note_run(out, setup.counts, broken.reasons)
    model = setup.write_model(weights, out / "model")
    return Finished(
        trainer.state.global_step,
        setup.options.max_steps,
        out / WEIGHTS_FILE,
        model,
        len(broken.reasons),
    )


def _prepare(
    recipe: AnyRecipe, data: Path, out: Path, broken: BrokenSamples, report: Report
) -> Setup:
    if isinstance(recipe, FinetuneRecipe):
        return prepare_finetune(recipe, data, out, broken=broken, report=report)
    if isinstance(recipe, Recipe):
        return prepare(recipe, data, broken=broken, report=report)
    raise TypeError(f"{type(recipe).__name__} is no recipe")
