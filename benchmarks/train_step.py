"""One training step with and without the feature cache: `python -m benchmarks.train_step`.

The step is that of the last stage: batch of clips with sound through the Q-Formers and the frozen
decoder, forward, backward, optimiser. Random media; only the time counts.
"""

import argparse
from pathlib import Path

import torch

from benchmarks.report import report, seconds_of
from videollama.training.network import build_model
from videollama.training.recipe_file import load_recipe
from videollama.training.stages import freeze_all_but, trained_parts

RECIPE = Path(__file__).parents[1] / "recipes" / "tiny_instruct.yaml"
FRAMES, SEGMENTS, WORDS = 4, 2, 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    recipe = load_recipe(RECIPE).model_copy(update={"start_from": []})
    model, _ = build_model(recipe)
    freeze_all_but(model, trained_parts(recipe))
    optimiser = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
    config, batch = model.config, arguments.batch
    size = config.vision_config.image_size
    pixels = torch.rand(batch, FRAMES, 3, size, size)
    spectrograms = torch.rand(batch, SEGMENTS, 1, 128, 204)
    prompt = [config.audio_token_id] * config.num_audio_query_tokens
    prompt += [config.video_token_id] * config.num_video_query_tokens
    input_ids = torch.tensor([prompt + [5] * WORDS] * batch)

    def step(frames: torch.Tensor, segments: torch.Tensor) -> None:
        outputs = model(
            input_ids=input_ids,
            attention_mask=torch.ones_like(input_ids),
            video_embeds=model.encode_video(frames),
            audio_embeds=model.encode_audio(segments),
            labels=input_ids.masked_fill(input_ids != 5, -100),
        )
        outputs.loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    def encode() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            return model.encode_frames(pixels), model.encode_segments(spectrograms)

    cached = encode()
    step(*cached)
    rows = {
        "with cache": seconds_of(lambda: step(*cached), arguments.repeats),
        "without cache": seconds_of(lambda: step(*encode()), arguments.repeats),
    }
    report(
        "train_step",
        rows,
        batch=batch,
        frames=FRAMES,
        segments=SEGMENTS,
        words=WORDS,
        threads=torch.get_num_threads(),
    )


if __name__ == "__main__":
    main()
