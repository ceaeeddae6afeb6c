"""Run a recipe: to its end or its time limit, and write the weights down."""

from dataclasses import dataclass
from pathlib import Path

from accelerate import PartialState
from safetensors.torch import save_file
from torch import Tensor

from videollama.checkpoints.atomic_output import new_file
from videollama.training.broken_samples import BrokenSamples
from videollama.training.feature_cache import Report
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.preparation import prepare_finetune
from videollama.training.network import WEIGHTS_FILE
from videollama.training.out_of_memory import telling_what_fits
from videollama.training.preparation import prepare
from videollama.training.processes import (
    batches_of_step,
    by_first,
    is_first_process,
    of_all,
    share_of_step,
    start_processes,
)
from videollama.training.recipe import AnyRecipe, Recipe
from videollama.training.run_folder import batches_per_step, holding, note_run, open_run
from videollama.training.run_log import RunLog
from videollama.training.setup import Setup
from videollama.training.sharding import gathered
from videollama.training.trackers import check_trackers, tracking
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
        RecipeError: `out` holds a run of another recipe, `start_from` leads nowhere, or what
            `report_to` names is not installed or cannot be reached.
        OutputError: `out` or the cache cannot be written, or another process trains there.
    """
    start_processes()
    tell = report if is_first_process() else _nowhere
    with holding(out):
        return _train(recipe, data, out, resume=resume, report=tell)


def _train(recipe: AnyRecipe, data: Path, out: Path, *, resume: bool, report: Report) -> Finished:
    trackers = recipe.training.report_to
    check_trackers(trackers)
    checkpoint, batches = by_first(
        lambda: (open_run(out, recipe, resume=resume), batches_per_step(out))
    )
    recipe = share_of_step(recipe, batches)
    with tracking(trackers, out):
        return _go(recipe, data, out, checkpoint, report)


def _go(
    recipe: AnyRecipe, data: Path, out: Path, checkpoint: Path | None, report: Report
) -> Finished:
    """Run a recipe in a folder that is open for it, from a checkpoint if there is one."""
    broken = BrokenSamples(recipe.data.max_broken)
    with PartialState().main_process_first():  # the others find the features that it keeps
        setup = _prepare(recipe, data, out, broken, report)
        if is_first_process():
            note_run(out, batches_of_step(recipe), setup.counts, broken.reasons)
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
        recipe=recipe.model_copy(update={"training": setup.options}),
        folder=out,
        log=log,
        is_sharded=_is_sharded(recipe),
    )
    if setup.show is not None:
        trainer.add_callback(setup.show)
        setup.show.tell(trainer.callback_handler.callbacks)
    with telling_what_fits(recipe, data):
        if setup.validates_first and checkpoint is None:
            trainer.evaluate()
        trainer.run(checkpoint)
        trainer.evaluate()
    if trainer.best is not None:
        report(f"the result is of step {trainer.best.step}: loss {trainer.best.loss:.4f}")
    trainer.take_result()
    weights = gathered({**setup.earlier, **setup.objective.trained_weights()})
    for reasons in of_all([broken.reasons]):  # found while training, in any process
        broken.reasons.update(reasons)
    model = by_first(lambda: _write(setup, weights, out))
    if is_first_process() and len(broken.reasons) > len(known):
        note_run(out, batches_of_step(recipe), setup.counts, broken.reasons)
    return Finished(
        trainer.state.global_step,
        setup.options.max_steps,
        out / WEIGHTS_FILE,
        model,
        len(broken.reasons),
    )


def _write(setup: Setup, weights: dict[str, Tensor], out: Path) -> Path | None:
    """Write the result; gives the model's folder, if it is whole."""
    with new_file(out / WEIGHTS_FILE) as draft:
        save_file(weights, draft, metadata={"format": "pt"})
    return setup.write_model(weights, out / "model")


def _is_sharded(recipe: AnyRecipe) -> bool:
    wanted = isinstance(recipe, FinetuneRecipe) and recipe.training.fsdp
    return wanted and int(PartialState().num_processes) > 1


def _nowhere(line: str) -> None:
    """What processes after the first report."""


def _prepare(
    recipe: AnyRecipe, data: Path, out: Path, broken: BrokenSamples, report: Report
) -> Setup:
    if isinstance(recipe, FinetuneRecipe):
        return prepare_finetune(recipe, data, out, broken=broken, report=report)
    if isinstance(recipe, Recipe):
        return prepare(recipe, data, broken=broken, report=report)
    raise TypeError(f"{type(recipe).__name__} is no recipe")
