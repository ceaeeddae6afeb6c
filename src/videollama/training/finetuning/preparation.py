"""From a `finetune` recipe to what a trainer needs."""

import math
from functools import partial
from pathlib import Path

from accelerate import PartialState

from videollama.errors import RecipeError
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.record import Sample
from videollama.training.feature_cache import Report
from videollama.training.finetune_recipe import FinetuneRecipe, FinetuneTraining
from videollama.training.finetuning.batches import SampleBatches, Take
from videollama.training.finetuning.clip_features import ClipEncoder
from videollama.training.finetuning.mixture import Mixture
from videollama.training.finetuning.prompted_answers import PromptedAnswers
from videollama.training.finetuning.prompting import SamplePrompts
from videollama.training.finetuning.samples import OwnSamples, read_samples, write_held_out
from videollama.training.finetuning.shown_answers import ShownAnswers
from videollama.training.finetuning.trainable_model import (
    load_trainable,
    trained_parts,
    write_model,
)
from videollama.training.finetuning.usable_files import leave_out_unusable
from videollama.training.processes import is_first_process
from videollama.training.setup import Setup

HELD_OUT_FILE = "held_out.jsonl"


def prepare_finetune(
    recipe: FinetuneRecipe, folder: Path, out: Path, *, broken: BrokenSamples, report: Report
) -> Setup:
    """Read the samples, load the model, encode the files, and build objective and batches.

    Args:
        recipe: What to do.
        folder: Below which the sources are.
        out: The run's folder; the held-out samples are written there.
        broken: Counts samples that cannot be used.
        report: Told how far it is.
    """
    if recipe.training.fsdp and recipe.training.sample_every:
        raise RecipeError(
            "training.sample_every asks one process for answers, but training.fsdp spreads the "
            "model over all; set one of them only."
        )
    samples = read_samples(recipe.data, folder, seed=recipe.seed, broken=broken)
    model, processor = load_trainable(recipe)
    prompts = SamplePrompts(processor, recipe.samples, recipe.seed)
    encoder = ClipEncoder(model, processor, recipe)
    samples = leave_out_unusable(samples, encoder, broken=broken, report=report)
    warn_of_leaks(samples, report)
    if is_first_process():
        write_held_out(samples.validation, out / HELD_OUT_FILE)
    training = resolved_training(recipe, samples)
    batches = partial(
        SampleBatches,
        prompts=prompts,
        encoder=encoder,
        broken=broken,
        batch_size=training.batch_size,
        seed=recipe.seed,
    )
    shown = _evenly(samples.validation, training.validation_samples)
    objective = PromptedAnswers(model, trained_parts(recipe))
    single = tuple(sample for sample in samples.validation if len(sample.turns) == 1)
    some = _evenly(single, training.samples_shown)
    show = ShownAnswers(
        objective,
        some,
        batches(take=lambda first, number: some[first:][:number], length=len(some), batch_size=1),
        encoder,
        tokenizer=processor.tokenizer,
        folder=out,
        every=training.sample_every,
    )
    return Setup(
        objective=objective,
        training=batches(
            take=_mixed(samples, recipe.seed), length=num_samples(training) // training.batch_size
        ),
        validation=batches(
            take=lambda first, number: shown[first : first + number],
            length=math.ceil(len(shown) / training.batch_size),
        ),
        counts=samples.counts,
        options=training,
        write_model=partial(
            write_model,
            recipe,
            multi_turn=any(len(s.turns) > 1 for part in samples.training for s in part),
        ),
        validates_first=True,
        show=show if training.sample_every and some else None,
    )


def resolved_training(recipe: FinetuneRecipe, samples: OwnSamples) -> FinetuneTraining:
    """The `training` section with the number of steps that its epochs take."""
    training = recipe.training
    if training.max_steps:
        return training
    in_epoch = sum(map(len, samples.training))
    per_step = num_samples(training.model_copy(update={"max_steps": 1}))
    steps = math.ceil(training.epochs * in_epoch / per_step)
    return training.model_copy(update={"max_steps": steps})


def num_samples(training: FinetuneTraining) -> int:
    """Samples of a whole run, over all processes."""
    per_step = training.batch_size * training.gradient_accumulation * PartialState().num_processes
    return training.max_steps * per_step


def warn_of_leaks(samples: OwnSamples, report: Report) -> None:
    """Tell if files of held-out samples are learned from as well."""
    learned = {m.path for part in samples.training for sample in part for m in sample.media}
    leaked = sorted({m.path for sample in samples.validation for m in sample.media} & learned)
    if leaked:
        report(
            f"warning: {len(leaked)} files of held-out samples are also learned from, the first "
            f"{leaked[0]}; the validation will look too good"
        )


def _mixed(samples: OwnSamples, seed: int) -> Take:
    mixture = Mixture([len(part) for part in samples.training], samples.weights, seed)

    def take(first: int, number: int) -> list[Sample]:
        return [samples.training[source][place] for source, place in mixture.take(first, number)]

    return take


def _evenly(samples: tuple[Sample, ...], limit: int) -> list[Sample]:
    """At most so many samples, from everywhere in the list."""
    count = min(limit, len(samples))
    return [samples[number * len(samples) // count] for number in range(count)]
