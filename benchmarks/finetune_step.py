"""Fine-tuning steps, their time and memory: `python -m benchmarks.finetune_step`.

A step is all that a run does of it: samples of video files to prompts and features (decoded and
encoded anew, or read from the cache), forward, backward, optimiser. Every way of doing it has a
process of its own, whose peak of resident memory is taken during the steps, when the model has been
read; the kernel keeps it (Linux). Of the built-in model, or with `--mid` of EVA ViT-G, the image
Q-Former and a LLaMA of 1.1 billion parameters (TinyLlama's sizes) with random weights: about 9 GB
of memory. The decoder is in bfloat16, all else in float32, as training holds them.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import report
from tests.synthetic import write_clip
from videollama.configuration import VideoLlamaConfig
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.record import Sample
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.batches import SampleBatches
from videollama.training.finetuning.clip_features import ClipEncoder
from videollama.training.finetuning.low_rank import add_low_rank
from videollama.training.finetuning.prompted_answers import PromptedAnswers
from videollama.training.finetuning.prompting import SamplePrompts
from videollama.training.finetuning.samples import read_samples
from videollama.training.finetuning.trainable_model import load_trainable, trained_parts
from videollama.training.recipe_file import check_recipe

ONE_BILLION = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 22,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
}


@dataclass(frozen=True)
class Way:
    """How a step is done."""

    name: str
    keeps_features: bool = True
    is_phone: bool = False  # 10 s of 1080p at 30 frames a second instead of 8 s of 360p at 25
    recomputes: bool = False
    changes_decoder: bool = False
    bits: str | None = None


WAYS = (
    Way("without cache", keeps_features=False),
    Way("without cache, a phone's video", keeps_features=False, is_phone=True),
    Way("with cache"),
    Way("with cache, gradient checkpointing", recomputes=True),
    Way("with cache, LoRA", changes_decoder=True),
    Way("with cache, LoRA, gradient checkpointing", recomputes=True, changes_decoder=True),
    Way("with cache, LoRA, decoder in 8 bits", changes_decoder=True, bits="8-bit"),
    Way("with cache, LoRA, decoder in 4 bits", changes_decoder=True, bits="4-bit"),
)


KEEPING = WAYS[2]


@dataclass(frozen=True)
class Settings:
    """What the benchmark is asked for."""

    mid: bool
    batch: int
    frames: int
    repeats: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mid", action="store_true", help="the middle-sized model instead")
    parser.add_argument("--batch", type=int, help="samples in a step; 4, or 1 of --mid")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--repeats", type=int, help="steps of each kind; 5, or 2 of --mid")
    arguments = parser.parse_args()
    settings = Settings(
        arguments.mid,
        arguments.batch or (1 if arguments.mid else 4),
        arguments.frames,
        arguments.repeats or (2 if arguments.mid else 5),
    )
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for way in WAYS:
            if settings.mid and way.bits is not None:
                continue  # whose weights are random and whole
            place = Path(folder) / ("phone" if way.is_phone else "small")
            if not place.exists():
                write_data(place, settings.batch, is_phone=way.is_phone)
            found[way.name] = in_own_process(way, place, settings)
    loading: dict[str, float] = {}
    for name, facts in found.items():
        print(f"  {name:<44} {facts['peak_bytes'] / 1e9:9.2f} GB at most in memory")
        loading |= facts["samples_per_second"]
    for name, rate in loading.items():
        print(f"  {name:<44} {rate:9.2f} samples a second of processor time")
    report(
        "finetune_step_mid" if settings.mid else "finetune_step",
        {f"step, {name}": facts["processor_seconds"] for name, facts in found.items()},
        unit="s of processor time",
        seconds={f"step, {name}": facts["seconds"] for name, facts in found.items()},
        samples_per_second=loading,
        **{
            fact: {name: facts[fact] for name, facts in found.items()}
            for fact in ("peak_bytes", "bytes_before", "trained_parameters", "tokens")
        },
        threads=torch.get_num_threads(),
        **asdict(settings),
    )


def in_own_process(way: Way, folder: Path, settings: Settings) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(measure, way, folder, settings).result()


def measure(way: Way, folder: Path, settings: Settings) -> dict[str, Any]:
    """Steps of one kind, and what loading gives alone."""
    recipe = make_recipe(folder, settings, way)
    model, processor = load_trainable(recipe)
    if settings.mid:
        model, processor = middle_sized(recipe, processor)
    objective = PromptedAnswers(model, trained_parts(recipe))
    objective.train()
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learned)
    samples = read_samples(recipe.data, folder, seed=0, broken=BrokenSamples(0)).training[0]
    encoder = ClipEncoder(model, processor, recipe)
    batches = SampleBatches(
        take=lambda first, number: samples[first : first + number],
        prompts=SamplePrompts(processor, recipe.samples),
        encoder=encoder,
        broken=BrokenSamples(0),
        batch_size=settings.batch,
        length=1,
        seed=0,
    )
    tokens = 0

    def step() -> None:
        nonlocal tokens
        batch = batches.make(0)
        batch.pop("ids")
        tokens = batch["input_ids"].shape[1]
        with torch.autocast(model.device.type, torch.bfloat16):  # as the trainer does
            loss = objective(**batch)["loss"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    before = resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
    if way.keeps_features:
        step()  # warms up; what encodes takes long enough without
    taken, worked = measured(step, settings.repeats)
    facts = {
        "seconds": taken,
        "processor_seconds": worked,
        "bytes_before": before,
        "peak_bytes": resident_bytes("VmHWM"),
        "trained_parameters": sum(parameter.numel() for parameter in learned),
        "tokens": tokens,
        "samples_per_second": {},
    }

    def decode() -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda sample: encoder.open(sample.media[0], 0), samples))

    if not way.keeps_features:
        footage = ", a phone's video" if way.is_phone else ""
        rates = facts["samples_per_second"]
        rates[f"files decoded, frames sampled{footage}"] = rate(decode, samples)
        keeper = ClipEncoder(model, processor, make_recipe(folder, settings, KEEPING))
        for sample in samples:  # for the ways that follow
            keeper.features(sample.media[0], 0)
    elif way == KEEPING:
        read = rate(lambda: batches.make(0), samples)
        facts["samples_per_second"]["kept features read, prompts written"] = read
    return facts


def rate(work: Callable[[], Any], samples: Sequence[Sample]) -> float:
    """Samples a second of processor time, of ten times."""
    return 10 * len(samples) / sum(measured(work, 10)[1])


def measured(work: Callable[[], Any], repeats: int) -> tuple[list[float], list[float]]:
    """Seconds, and seconds of processor time, which a busy machine does not lengthen."""
    taken, worked = [], []
    for _ in range(repeats):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append(time.perf_counter() - start)
        worked.append(time.process_time() - cpu)
    return taken, worked


def resident_bytes(field: str) -> int:
    """Of this process: "VmRSS" now, "VmHWM" at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}; this benchmark needs Linux.")


def write_data(folder: Path, clips: int, *, is_phone: bool) -> None:
    folder.mkdir()
    form = {"seconds": 8, "frames_per_second": 25, "size": (360, 640)}
    if is_phone:
        form = {"seconds": 10, "frames_per_second": 30, "size": (1080, 1920)}
    rows = ["file,question,answer,split"]
    for number in range(clips + 1):
        write_clip(folder / f"{number}.mp4", **form)
        split = "train" if number < clips else "val"
        rows.append(f"{number}.mp4,What moves in the picture?,A square moves to the right.,{split}")
    (folder / "questions.csv").write_text("\n".join(rows))


def make_recipe(folder: Path, settings: Settings, way: Way) -> FinetuneRecipe:
    content = {
        "stage": "finetune",
        "model": {"branch": "video" if settings.mid else "both", "quantization": way.bits},
        "data": {"cache": str(folder / "cache"), "keep_features": way.keeps_features},
        "samples": {"num_frames": settings.frames},
        "training": {
            "batch_size": settings.batch,
            "learning_rate": 1e-4,
            "precision": "bfloat16",
            "gradient_checkpointing": way.recomputes,
        },
    }
    if way.changes_decoder:
        content["lora"] = {}
    recipe = check_recipe(content, "benchmark")
    assert isinstance(recipe, FinetuneRecipe)
    return recipe


def middle_sized(
    recipe: FinetuneRecipe, processor: VideoLlamaProcessor
) -> tuple[VideoLlamaForConditionalGeneration, VideoLlamaProcessor]:
    words = len(processor.tokenizer)
    config = VideoLlamaConfig(
        text_config={**ONE_BILLION, "vocab_size": words},
        audio_config=None,
        prompt_template="chatml",
        video_token_id=words,
        audio_token_id=words + 1,
    )
    torch.manual_seed(0)
    model = VideoLlamaForConditionalGeneration(config)
    model.language_model.bfloat16()
    if recipe.lora is not None:
        add_low_rank(model.language_model, recipe.lora)
    if recipe.training.gradient_checkpointing:
        model.language_model.activation_checkpointing_enable()
    return model, VideoLlamaProcessor(config, processor.tokenizer)


if __name__ == "__main__":
    main()
