"""What a `finetune` recipe would do: parts, samples, steps and memory, without any weights."""

from pathlib import Path
from typing import Any

from videollama.checkpoints.memory_estimate import RELEASED_SIZES, config_of
from videollama.checkpoints.model_configs import read_decoder_config
from videollama.checkpoints.resolve import DEFAULT_MODEL
from videollama.checkpoints.skeleton import skeleton_of
from videollama.configuration import IMAGEBIND_HUGE_VISION, VideoLlamaConfig
from videollama.errors import CheckpointError
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import longest_context
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.record import Sample
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.low_rank import changed_layers
from videollama.training.finetuning.preparation import num_samples, resolved_training
from videollama.training.finetuning.samples import OwnSamples, read_samples
from videollama.training.finetuning.trainable_model import (
    check_fits,
    trained_parts,
    with_decoder,
)
from videollama.training.planned_memory import memory_savings, planned_memory
from videollama.training.planned_run import (
    PlannedPart,
    PlannedRun,
    planned_parts,
)
from videollama.training.planned_time import count_work, plan_time

_CHARACTERS_A_TOKEN = 3  # English has more in the vocabularies of large decoders
_PROMPT_TOKENS = 64
_BEGINNING_TOKENS = 48  # of those what all samples begin with; see `PromptedAnswers`
_MEASURED = 500


def plan_finetune(
    recipe: FinetuneRecipe,
    folder: Path,
    *,
    with_time: bool = False,
    peak_tflops: float | None = None,
) -> PlannedRun:
    """Read the annotations and the configuration, and compute.

    Args:
        recipe: What would be done.
        folder: Below which the sources are.
        with_time: Also estimate how long it takes.
        peak_tflops: Peak of the device that is meant; None measures this machine for some seconds.

    Raises:
        ModelNotFoundError: Neither a folder nor a known name.
        CheckpointError: A folder holds no model or decoder.
        RecipeError: The recipe asks for what the model does not have.
        DataError: The annotations are not usable.
    """
    config = _config(recipe)
    check_fits(recipe, config)
    model = skeleton_of(config)
    low_rank = _low_rank_parameters(recipe, model)
    parts = planned_parts(model, trained_parts(recipe))
    if low_rank:
        parts = (*parts, PlannedPart("low-rank changes", low_rank, trained=True))
    broken = BrokenSamples(recipe.data.max_broken)
    samples = read_samples(recipe.data, folder, seed=recipe.seed, broken=broken)
    training = resolved_training(recipe, samples)
    seen = num_samples(training)
    total = sum(samples.weights)
    planned = None
    if with_time:
        work = count_work(
            recipe,
            model,
            training,
            low_rank=low_rank,
            tokens=_padded(recipe, config, samples, training.batch_size) - _read_once(recipe),
            files=len(samples.media),
        )
        planned = plan_time(work, config.text_config, training.precision, peak_tflops)
    longest = _longest(recipe, config, samples)
    return PlannedRun(
        parts=parts,
        samples=samples.counts,
        weights={n: w / total for n, w in zip(samples.names, samples.weights, strict=True)},
        broken=broken.reasons,
        steps=training.max_steps,
        samples_seen=seen,
        epochs=seen / sum(map(len, samples.training)),
        memory_bytes=planned_memory(model, parts, recipe, longest),
        memory_savings=memory_savings(model, parts, recipe, longest),
        time=planned,
    )


def _config(recipe: FinetuneRecipe) -> VideoLlamaConfig:
    section = recipe.model
    config = config_of(section.load or DEFAULT_MODEL)
    if section.decoder is not None:
        if section.decoder.upper() in RELEASED_SIZES:
            size = RELEASED_SIZES[section.decoder.upper()]
            decoder: Any = VideoLlamaConfig(text_config={"model_type": "llama", **size}).text_config
        elif Path(section.decoder).is_dir():
            decoder = read_decoder_config(Path(section.decoder))
        else:
            raise CheckpointError(
                f"model.decoder is {section.decoder}, which is neither a folder with a language "
                f"model nor one of the sizes {', '.join(RELEASED_SIZES)}."
            )
        config = with_decoder(recipe, config, decoder, config.prompt_template, decoder.vocab_size)
    if recipe.samples.sound == "frames" and config.audio_config.model_type == "imagebind":
        content = config.to_dict()
        content["audio_config"]["vision_config"] = IMAGEBIND_HUGE_VISION
        config = VideoLlamaConfig.from_dict(content)
    return config


def _low_rank_parameters(recipe: FinetuneRecipe, model: VideoLlamaForConditionalGeneration) -> int:
    """Numbers of the decoder's low-rank changes: two matrices for each layer that changes."""
    if recipe.lora is None:
        return 0
    layers = changed_layers(model.language_model, recipe.lora)
    return sum(recipe.lora.rank * (read + written) for read, written in layers)


def _longest(recipe: FinetuneRecipe, config: VideoLlamaConfig, samples: OwnSamples) -> int:
    """Tokens of the longest sample, about: counted in characters of the first ones."""
    return max(_lengths(recipe, config, samples))


def _padded(
    recipe: FinetuneRecipe, config: VideoLlamaConfig, samples: OwnSamples, batch_size: int
) -> int:
    """Tokens of a sample with its padding, on average: as many as the longest of its batch."""
    lengths = _lengths(recipe, config, samples)
    longest = [max(lengths[n : n + batch_size]) for n in range(0, len(lengths), batch_size)]
    return sum(longest) // len(longest)


def _read_once(recipe: FinetuneRecipe) -> int:
    """Tokens of a sample that a decoder does not read in every step."""
    training = recipe.training
    reads_all = recipe.lora is not None or training.gradient_checkpointing or training.fsdp
    return 0 if reads_all else _BEGINNING_TOKENS


def _lengths(recipe: FinetuneRecipe, config: VideoLlamaConfig, samples: OwnSamples) -> list[int]:
    queries = config.num_video_query_tokens + config.num_audio_query_tokens
    limit = min(recipe.samples.max_tokens, longest_context(config))
    return [
        min(
            limit,
            queries * len(sample.media)
            + _num_characters(sample) // _CHARACTERS_A_TOKEN
            + _PROMPT_TOKENS,
        )
        for part in samples.training
        for sample in part[:_MEASURED]
    ]


def _num_characters(sample: Sample) -> int:
    spoken = [sample.system, *(text for t in sample.turns for text in (t.question, t.answer))]
    return sum(map(len, spoken))
