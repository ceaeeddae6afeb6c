"""Fine-tuning steps with and without kept features: `python -m benchmarks.finetune_step`.

A step is all that a run does of it: samples of video files to prompts and features (decoded and
encoded anew, or read from the cache), forward, backward, optimiser. Of the built-in model, or with
`--mid` of EVA ViT-G, the image Q-Former and a LLaMA of 1.1 billion parameters (TinyLlama's sizes)
with random weights: about 9 GB of memory.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.report import report
from tests.synthetic import write_clip
from videollama.configuration import VideoLlamaConfig
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.training.broken_samples import BrokenSamples
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.batches import SampleBatches
from videollama.training.finetuning.clip_features import ClipEncoder
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mid", action="store_true", help="the middle-sized model instead")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    batch_size = arguments.batch
    rows: dict[str, tuple[list[float], list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_data(place, batch_size)
        recipe = make_recipe(place, arguments, kept=True)
        model, processor = load_trainable(recipe)
        if arguments.mid:
            model, processor = middle_sized(processor)
        objective = PromptedAnswers(model, trained_parts(recipe))
        objective.train()
        optimiser = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
        for kept in (True, False):
            what = "with cache" if kept else "without cache"
            own = make_recipe(place, arguments, kept=kept)
            batches = make_batches(own, place, model, processor, batch_size)

            def step(batches: SampleBatches = batches) -> None:
                batch = batches.make(0)
                batch.pop("ids")
                objective(**batch)["loss"].backward()
                optimiser.step()
                optimiser.zero_grad()

            def load(batches: SampleBatches = batches) -> None:
                batches.make(0)

            if kept:
                step()  # fills the cache
            rows[f"step, {what}"] = measured(step, arguments.repeats)
            rows[f"loading alone, {what}"] = measured(load, arguments.repeats)
            if kept:
                recompute(model)
                rows["step, with cache, gradient checkpointing"] = measured(step, arguments.repeats)
                model.language_model.activation_checkpointing_disable()
                objective.train()
    report(
        "finetune_step_mid" if arguments.mid else "finetune_step",
        {what: seconds for what, (_, seconds) in rows.items()},
        unit="s of processor time",
        seconds={what: seconds for what, (seconds, _) in rows.items()},
        batch=batch_size,
        frames=recipe.samples.num_frames,
        decoder_parameters=model.language_model.num_parameters(),
        threads=torch.get_num_threads(),
    )


def measured(work: Callable[[], None], repeats: int) -> tuple[list[float], list[float]]:
    """Seconds, and seconds of processor time, which a busy machine does not lengthen."""
    taken, worked = [], []
    for _ in range(repeats):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append(time.perf_counter() - start)
        worked.append(time.process_time() - cpu)
    return taken, worked


def write_data(folder: Path, clips: int) -> None:
    rows = ["file,question,answer,split"]
    for number in range(clips + 1):
        write_clip(folder / f"{number}.mp4", seconds=8, frames_per_second=25, size=(360, 640))
        split = "train" if number < clips else "val"
        rows.append(f"{number}.mp4,What moves in the picture?,A square moves to the right.,{split}")
    (folder / "questions.csv").write_text("\n".join(rows))


def make_recipe(folder: Path, arguments: argparse.Namespace, *, kept: bool) -> FinetuneRecipe:
    content = {
        "stage": "finetune",
        "model": {"branch": "video" if arguments.mid else "both"},
        "data": {"cache": str(folder / "cache"), "keep_features": kept},
        "samples": {"num_frames": arguments.frames},
        "training": {"batch_size": arguments.batch, "learning_rate": 1e-4, "precision": "bfloat16"},
    }
    recipe = check_recipe(content, "benchmark")
    assert isinstance(recipe, FinetuneRecipe)
    return recipe


def middle_sized(
    processor: VideoLlamaProcessor,
) -> tuple[VideoLlamaForConditionalGeneration, VideoLlamaProcessor]:
    words = len(processor.tokenizer)
    config = VideoLlamaConfig(
        text_config={**ONE_BILLION, "vocab_size": words},
        audio_config=None,
        prompt_template="chatml",
        video_token_id=words,
        audio_token_id=words + 1,
    )
    model = VideoLlamaForConditionalGeneration(config)
    model.language_model.bfloat16()
    return model, VideoLlamaProcessor(config, processor.tokenizer)


def make_batches(
    recipe: FinetuneRecipe,
    folder: Path,
    model: VideoLlamaForConditionalGeneration,
    processor: VideoLlamaProcessor,
    batch_size: int,
) -> SampleBatches:
    broken = BrokenSamples(0)
    samples = read_samples(recipe.data, folder, seed=0, broken=broken).training[0]
    return SampleBatches(
        take=lambda first, number: samples[first : first + number],
        prompts=SamplePrompts(processor, recipe.samples),
        encoder=ClipEncoder(model, processor, recipe),
        broken=broken,
        batch_size=batch_size,
        length=1,
        seed=0,
    )


def recompute(model: VideoLlamaForConditionalGeneration) -> None:
    """The decoder keeps only what goes into its layers; its mode says so, it has no dropout."""
    model.language_model.activation_checkpointing_enable()
    model.language_model.train()


if __name__ == "__main__":
    main()
