"""Tokens per second of the built-in model's decoder: `python -m benchmarks.decoder`."""

import argparse

import torch

from benchmarks.report import report, seconds_of
from videollama import VideoLlama

PROMPT_TOKENS, NEW_TOKENS = 150, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    model = VideoLlama.load(arguments.model).model
    vocabulary = model.config.text_config.vocab_size
    rows = {}
    for batch in (1, 8):
        prompt = torch.randint(
            vocabulary, (batch, PROMPT_TOKENS), generator=torch.Generator().manual_seed(0)
        ).to(model.device)

        def write(tokens: int, prompt: torch.Tensor = prompt) -> None:
            model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=tokens,
                min_new_tokens=tokens,
                do_sample=False,
            )

        write(2)
        reading = seconds_of(lambda: write(1), arguments.repeats)
        both = seconds_of(lambda: write(NEW_TOKENS + 1), arguments.repeats)
        rows[f"read, batch {batch}"] = [batch * PROMPT_TOKENS / seconds for seconds in reading]
        rows[f"write, batch {batch}"] = [
            batch * NEW_TOKENS / (total - first)
            for total, first in zip(sorted(both), sorted(reading), strict=True)
        ]
    report(
        "decoder",
        rows,
        unit="tokens/s",
        prompt_tokens=PROMPT_TOKENS,
        new_tokens=NEW_TOKENS,
        threads=torch.get_num_threads(),
    )


if __name__ == "__main__":
    main()
