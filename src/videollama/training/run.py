"""Run a recipe: to its end or its time limit, and write the weights down."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from videollama.checkpoints.atomic_output import new_file
from videollama.processing import VideoLlamaProcessor
from videollama.training.broken_samples import BrokenSamples
from videollama.training.feature_cache import Report
from videollama.training.join import join_stages, missing_parts
from videollama.training.network import WEIGHTS_FILE, handed_on
from videollama.training.preparation import prepare
from videollama.training.recipe import Recipe
from videollama.training.run_folder import holding, note_run, open_run
from videollama.training.run_log import RunLog
from videollama.training.trainer import ObjectiveTrainer


@dataclass(frozen=True)
class Finished:
    """How a run ended.

    Attributes:
        steps: Steps trained.
        weights: File with what this run and those before it trained.
        model: Folder of the whole model; None while parts are missing.
        num_broken: Samples that were skipped.
    """

    steps: int
    weights: Path
    model: Path | None
    num_broken: int


def train(
    recipe: Recipe, data: Path, out: Path, *, resume: bool = False, report: Report = print
) -> Finished:
    """Run a recipe to its end, or to its time limit.

    Args:
        recipe: What to do.
        data: Folder that holds the recipe's data folders.
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


def _train(recipe: Recipe, data: Path, out: Path, *, resume: bool, report: Report) -> Finished:
    checkpoint = open_run(out, recipe, resume=resume)
    broken = BrokenSamples(recipe.data.max_broken)
    setup = prepare(recipe, data, broken=broken, report=report)
    note_run(out, setup.counts, broken.reasons)
    for name, reason in broken.reasons.items():
        report(f"skipped {name}: {reason}")
    log = RunLog(
        out / "log.jsonl",
        report,
        every=recipe.training.log_every,
        total=recipe.training.max_steps,
    )
    trainer = ObjectiveTrainer(
        setup.objective,
        setup.training,
        setup.validation,
        options=recipe.training,
        folder=out,
        seed=recipe.seed,
        log=log,
    )
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    trainer.evaluate()
    weights = {**handed_on(recipe.start_from), **setup.objective.trained_weights()}
    weights = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    with new_file(out / WEIGHTS_FILE) as draft:
        save_file(weights, draft, metadata={"format": "pt"})
    model = _join(setup.processor, weights, out)
    return Finished(trainer.state.global_step, out / WEIGHTS_FILE, model, len(broken.reasons))


def _join(
    processor: VideoLlamaProcessor | None, weights: Mapping[str, Tensor], out: Path
) -> Path | None:
    if processor is None or missing_parts(weights):
        return None
    join_stages(processor, [weights], out / "model")
    return out / "model"
