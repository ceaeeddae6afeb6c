"""Fine-tuning steps with and without kept features: `python -m benchmarks.finetune_step`.

A step is all that a run does of it: samples of video files to prompts and features (decoded and
encoded anew, or read from the cache), forward, backward, optimiser. Of the built-in model, or with
`--mid` of EVA ViT-G, the image Q-Former and a LLaMA of 1.1 billion parameters (TinyLlama's sizes)
with random weights: about 9 GB of memory.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import report, seconds_of
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

FRAMES = 4
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
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    batch_size, clips = (1, 1) if arguments.mid else (4, 4)
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_data(place, clips)
        recipe = make_recipe(place, batch_size, "video" if arguments.mid else "both", kept=True)
        model, processor = load_trainable(recipe)
        if arguments.mid:
            model, processor = middle_sized(processor)
        objective = PromptedAnswers(model, trained_parts(recipe))
        objective.train()
        optimiser = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
        for kept in (True, False):
            what = "with cache" if kept else "without cache"
            own = make_recipe(place, batch_size, recipe.model.branch, kept=kept)
            batches = make_batches(own, place, model, processor, batch_size)
            number = iter(range(1000))

            def step(batches: SampleBatches = batches, number: Any = number) -> None:
                batch = batches.make(next(number) % (clips // batch_size))
                batch.pop("ids")
                objective(**batch)["loss"].backward()
                optimiser.step()
                optimiser.zero_grad()

            def load(batches: SampleBatches = batches, number: Any = number) -> None:
                batches.make(next(number) % (clips // batch_size))

            if kept:
                for first in range(clips // batch_size):  # the first epoch fills the cache
                    batches.make(first)
                step()
            rows[f"step, {what}"] = seconds_of(step, arguments.repeats)
            rows[f"loading alone, {what}"] = seconds_of(load, arguments.repeats)
            if kept:
                recompute(model)
                rows["step, with cache, gradient checkpointing"] = seconds_of(
                    step, arguments.repeats
                )
                model.language_model.activation_checkpointing_disable()
                objective.train()
    report(
        "finetune_step_mid" if arguments.mid else "finetune_step",
        rows,
        batch=batch_size,
        frames=recipe.samples.num_frames,
        decoder_parameters=model.language_model.num_parameters(),
        threads=torch.get_num_threads(),
        samples_per_second_loading={
            what: batch_size * len(values) / sum(values)
            for what, values in rows.items()
            if what.startswith("loading")
        },
    )


def write_data(folder: Path, clips: int) -> None:
    rows = ["file,question,answer,split"]
    for number in range(clips + 1):
        write_clip(folder / f"{number}.mp4", seconds=8, frames_per_second=25, size=(360, 640))
        split = "train" if number < clips else "val"
        rows.append(f"{number}.mp4,What moves in the picture?,A square moves to the right.,{split}")
    (folder / "questions.csv").write_text("\n".join(rows))


def make_recipe(folder: Path, batch_size: int, branch: str, *, kept: bool) -> FinetuneRecipe:
    content = {
        "stage": "finetune",
        "model": {"branch": branch},
        "data": {"cache": str(folder / "cache"), "keep_features": kept},
        "samples": {"num_frames": FRAMES},
        "training": {"batch_size": batch_size, "learning_rate": 1e-4, "precision": "bfloat16"},
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
        length=len(samples) // batch_size,
        seed=0,
    )


def recompute(model: VideoLlamaForConditionalGeneration) -> None:
    """The decoder keeps only what goes into its layers; its mode says so, it has no dropout."""
    model.language_model.activation_checkpointing_enable()
    model.language_model.train()


if __name__ == "__main__":
    main()
