"""Tokens per second of the built-in model's decoder: `python -m benchmarks.decoder`."""

import argparse

import torch

from benchmarks.report import report, seconds_of
from videollama import VideoLlama

PROMPT_TOKENS, NEW_TOKENS = 150, 32
TEXT = (  # words as the model writes them: how often two are about equally likely counts
    "A man in a red shirt is riding a bicycle down a hill. Two children play in the snow "
    "while their mother watches from the house. A brown dog runs through the water with a "
    "stick in its mouth. Three people sit at a table in front of a restaurant and talk. A "
    "girl on a swing laughs. The team celebrates on the field after the game, and the crowd "
    "claps. A climber looks down from a steep rock above the lake. An old woman sells fruit "
    "at the market near the station. Boats lie in the harbour in the evening, and birds fly "
    "over the roofs. A boy jumps from the wall into the pool. Somebody plays the guitar on a "
    "stage, and a group of friends dances to it all night long."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "int8"])
    arguments = parser.parse_args()
    rows = {}
    for dtype in arguments.dtypes:
        assistant = VideoLlama.load(arguments.model, dtype=dtype)
        for batch in (1, 8):
            name = f"{dtype}, batch {batch}"
            rows |= _measured(assistant, batch, arguments.repeats, name)
    report(
        "decoder",
        rows,
        unit="tokens/s",
        prompt_tokens=PROMPT_TOKENS,
        new_tokens=NEW_TOKENS,
        threads=torch.get_num_threads(),
    )


def _measured(assistant: VideoLlama, batch: int, repeats: int, name: str) -> dict[str, list[float]]:
    model = assistant.model
    words = assistant.processor.tokenizer(TEXT, return_tensors="pt").input_ids
    rows = [words.roll(-11 * row, dims=1)[:, :PROMPT_TOKENS] for row in range(batch)]
    prompt = torch.cat(rows).to(model.device)

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
