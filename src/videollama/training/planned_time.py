"""How long a `finetune` run takes: its operations, counted without weights, by a speed.

Encoders and Q-Formers are run forward on the meta device, where nothing is computed and everything
is counted; the decoder is counted by its weights. A frozen decoder costs that twice, since
gradients pass through it to the trained parts; these, low-rank changes among them, cost it three
times (Kaplan et al. 2020, arXiv 2001.08361, section 2.1). Turning weights of few bits into numbers
is not counted. The speed is that of one layer of the decoder, forward and backward, on
this machine, or a share of a device's peak.
"""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from videollama.checkpoints.devices import choose_device
from videollama.configuration import VideoLlamaConfig
from videollama.model.qformer import read_with_queries
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.finetune_recipe import FinetuneRecipe, FinetuneTraining, SamplesSection
from videollama.training.recipe import Precision

REACHED_SHARE = 0.4
"""Of its peak a device reaches about so much in training (PaLM, arXiv 2204.02311, table 3)."""

_PROBE_ROWS, _PROBE_TOKENS = 8, 64  # as in a batch: fewer rows would keep no processor busy
_PROBE_FLOPS = 20e9  # a large layer is run on fewer rows, or a plan would take minutes
_PROBE_RUNS = 3


@dataclass(frozen=True)
class PlannedWork:
    """Floating-point operations of a run.

    Attributes:
        decoder_flops: Of the decoder in one step, in the recipe's precision.
        trained_flops: Of the trained parts in one step, in float32.
        encoder_flops: Of the frozen parts for one sample, in float32.
        encoded_samples: So many samples are encoded: each file once where features are kept,
            else every sample of the run.
        steps: Of the run.
    """

    decoder_flops: int
    trained_flops: int
    encoder_flops: int
    encoded_samples: int
    steps: int


@dataclass(frozen=True)
class PlannedTime:
    """How long a run takes, about; validation, reading files and writing are not counted.

    Attributes:
        step_seconds: Of one step.
        training_seconds: Of all steps.
        encoding_seconds: Of the frozen encoders.
        basis: Where the speed comes from, for people.
    """

    step_seconds: float
    training_seconds: float
    encoding_seconds: float
    basis: str


def count_work(
    recipe: FinetuneRecipe,
    model: VideoLlamaForConditionalGeneration,
    training: FinetuneTraining,
    *,
    low_rank: int,
    tokens: int,
    files: int,
) -> PlannedWork:
    """Count the operations of a run in which every sample shows one file.

    Args:
        recipe: What is done.
        model: Without numbers and without low-rank changes.
        training: The recipe's section, its steps counted.
        low_rank: Numbers of the decoder's low-rank changes.
        tokens: Of a sample with its padding.
        files: Different files.
    """
    batch, config = training.batch_size, model.config
    with torch.device("meta"), torch.no_grad():
        model.requires_grad_(False).train(mode=False)
        encoders = trained = 0
        if recipe.model.branch != "audio":
            frozen, learned = _picture_flops(model, config, recipe.samples.num_frames)
            encoders, trained = encoders + frozen, trained + learned
        if recipe.model.branch != "video":
            frozen, learned = _sound_flops(model, config, recipe.samples)
            encoders, trained = encoders + frozen, trained + learned
        decoder = _decoder_flops(model.language_model, config.text_config, batch, tokens)
    kept = recipe.data.keep_features and recipe.samples.frames == "uniform"
    seen = training.max_steps * batch * training.gradient_accumulation
    return PlannedWork(
        decoder_flops=2 * decoder * training.gradient_accumulation,
        trained_flops=3
        * (trained + 2 * low_rank * tokens)
        * batch
        * training.gradient_accumulation,
        encoder_flops=encoders,
        encoded_samples=files if kept else seen,
        steps=training.max_steps,
    )


def plan_time(
    work: PlannedWork, decoder: Any, precision: Precision, peak_tflops: float | None = None
) -> PlannedTime:
    """How long a run takes.

    Args:
        work: Its operations.
        decoder: The decoder's configuration, one of whose layers is run.
        precision: Of the decoder.
        peak_tflops: A device's peak, in 10^12 operations a second; None measures this machine.
    """
    if peak_tflops is not None:
        fast = slow = REACHED_SHARE * peak_tflops * 1e12
        basis = f"at {REACHED_SHARE:.0%} of {peak_tflops:g} TFLOP/s"
    else:
        device = choose_device()
        layer = _one_layer(decoder, device)
        slow = fast = _measured(layer, device)
        if precision != "float32":
            fast = _measured(layer.to(getattr(torch, precision)), device)
        rates = f"{slow / 1e9:.0f} GFLOP/s in float32"
        if precision != "float32":
            rates = f"{fast / 1e9:.0f} GFLOP/s in {precision}, {rates}"
        basis = f"measured on this machine ({device.type}): {rates}"
    step = work.decoder_flops / fast + work.trained_flops / slow
    encoding = work.encoder_flops * work.encoded_samples / slow
    return PlannedTime(step, step * work.steps, encoding, basis)


def _picture_flops(model: Any, config: VideoLlamaConfig, frames: int) -> tuple[int, int]:
    """Of the frozen and of the trained parts, for one clip."""
    size, width = config.vision_config.image_size, config.vision_config.hidden_size
    pixels = torch.empty(1, frames, 3, size, size)
    grid = torch.empty(1, frames, config.num_patches, width)
    encoder = _flops(lambda: model.encode_frames(pixels))
    shortening = _flops(lambda: model.encode_frame_tokens(grid))
    is_frozen = config.image_qformer_config is not None
    rows = config.num_image_query_tokens if is_frozen else config.num_patches
    tokens = torch.empty(1, frames * rows, config.frame_token_size)
    # Without a mask, which holds nothing here and would be looked into.
    reading = _flops(
        lambda: read_with_queries(model.video_qformer, model.video_query_tokens, tokens)
    )
    if is_frozen:
        return encoder + shortening, reading
    return encoder, shortening + reading


def _sound_flops(model: Any, config: VideoLlamaConfig, samples: SamplesSection) -> tuple[int, int]:
    """Of the frozen and of the trained parts, for one sound."""
    segments = torch.empty(1, config.max_segments, config.audio_config.hidden_size)
    reading = _flops(
        lambda: read_with_queries(model.audio_qformer, model.audio_query_tokens, segments)
    )
    if samples.sound == "frames":
        size = config.vision_config.image_size
        pixels = torch.empty(1, samples.num_frames, 3, size, size)
        return _flops(lambda: model.encode_frames_as_segments(pixels)), reading
    spectrograms = torch.empty(1, config.max_segments, 1, 128, 204)
    return _flops(lambda: model.encode_segments(spectrograms)), reading


def _decoder_flops(decoder: Any, config: Any, batch: int, tokens: int) -> int:
    """Of one forward pass: a multiplication and an addition for each weight, and attention."""
    words, head = decoder.get_input_embeddings(), decoder.get_output_embeddings()
    weights = decoder.num_parameters()
    if words.weight is not head.weight:
        weights -= words.weight.numel()  # looked up, not multiplied
    attention = 4 * config.num_hidden_layers * tokens * config.hidden_size
    return batch * tokens * (2 * weights + attention)


def _flops(work: Any) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def _one_layer(decoder: Any, device: torch.device) -> Any:
    from transformers import AutoModelForCausalLM

    one = type(decoder).from_dict(decoder.to_dict() | {"num_hidden_layers": 1, "vocab_size": 8})
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(one, name, None)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(one).float().requires_grad_(False)


def _measured(layer: Any, device: torch.device) -> float:
    """Operations a second that a layer reaches, forward and backward."""
    of_a_row = 4 * _PROBE_TOKENS * layer.num_parameters()
    rows = max(1, min(_PROBE_ROWS, int(_PROBE_FLOPS / of_a_row)))
    shape = (rows, _PROBE_TOKENS, layer.config.hidden_size)
    words = torch.randn(shape, dtype=layer.dtype, device=device, requires_grad=True)

    def step() -> None:
        layer(inputs_embeds=words, use_cache=False).logits.float().sum().backward()
        if device.type != "cpu":
            torch.accelerator.synchronize(device)

    flops = _flops(step)
    taken = []
    for _ in range(_PROBE_RUNS):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return flops / min(taken)  # others may be using the machine
