"""Tokens per second of the built-in model's decoder: `python -m benchmarks.decoder`."""

import argparse
from typing import Any

import torch

from benchmarks.report import report, seconds_of
from videollama import VideoLlama

PROMPT_TOKENS, NEW_TOKENS = 150, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "int8"])
    arguments = parser.parse_args()
    rows = {}
    for dtype in arguments.dtypes:
        model = VideoLlama.load(arguments.model, dtype=dtype).model
        for batch in (1, 8):
            rows |= _measured(model, batch, arguments.repeats, f"{dtype}, batch {batch}")
    report(
        "decoder",
        rows,
        unit="tokens/s",
        prompt_tokens=PROMPT_TOKENS,
        new_tokens=NEW_TOKENS,
        threads=torch.get_num_threads(),
    )


def _measured(model: Any, batch: int, repeats: int, name: str) -> dict[str, list[float]]:
    prompt = torch.randint(
        model.config.text_config.vocab_size,
        (batch, PROMPT_TOKENS),
        generator=torch.Generator().manual_seed(0),
    ).to(model.device)

    def write(tokens: int) -> None:
        model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
        )

    write(2)
    reading = seconds_of(lambda: write(1), repeats)
    both = seconds_of(lambda: write(NEW_TOKENS + 1), repeats)
    written = [
        batch * NEW_TOKENS / (total - first)
        for total, first in zip(sorted(both), sorted(reading), strict=True)
    ]
    return {
        f"read, {name}": [batch * PROMPT_TOKENS / seconds for seconds in reading],
        f"write, {name}": written,
    }


if __name__ == "__main__":
    main()
