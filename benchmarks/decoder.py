"""Tokens per second of the built-in model's decoder: `python -m benchmarks.decoder`."""

import argparse
import tempfile
from itertools import product
from pathlib import Path

import torch

from benchmarks.report import report, seconds_of
from tests.synthetic import write_clip
from videollama import VideoLlama, read_clip
from videollama.inference.generation import encode_media, write
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.model.compiled_decoder import CompiledDecoder

NEW_TOKENS = 32
QUESTIONS = (  # answered as ever: how often two words are about equally likely counts
    "Describe the video.",
    "What happens, and what do you hear?",
    "What do you see?",
    "What happens in the video?",
    "Describe the first scene.",
    "What do you see and hear?",
    "What comes first, and what comes next?",
    "Describe what you see in one sentence.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "int8"])
    parser.add_argument("--compile", action="store_true", help="compiled as well")
    arguments = parser.parse_args()
    rows = {}
    for dtype, compiled in product(arguments.dtypes, {False, arguments.compile}):
        assistant = VideoLlama.load(arguments.model, dtype=dtype)
        if compiled:  # `load` does so on cards only
            assistant.model.language_model = CompiledDecoder(assistant.model.language_model)
        for batch in (1, len(QUESTIONS)):
            name = f"{dtype}{', compiled' if compiled else ''}, batch {batch}"
            rows |= _measured(assistant, batch, arguments.repeats, name)
    name = "decoder_compiled" if arguments.compile else "decoder"
    report(name, rows, unit="tokens/s", threads=torch.get_num_threads())


def _measured(assistant: VideoLlama, batch: int, repeats: int, name: str) -> dict[str, list[float]]:
    model, processor = assistant.model, assistant.processor
    with tempfile.TemporaryDirectory() as folder:
        file = write_clip(Path(folder) / "clip.mp4", seconds=8, size=(360, 640))
        clips = [read_clip(file, frame_size=processor.frame_size) for _ in range(batch)]
    conversations = [
        [question_message(question, [clip], first_clip=number)]
        for number, (question, clip) in enumerate(zip(QUESTIONS, clips, strict=False))
    ]
    inputs = processor(conversations, clips=clips)
    encoded = encode_media(model, inputs)

    def answer(tokens: int) -> torch.Tensor:
        words = WordChoice(max_new_tokens=tokens)
        return write(model, inputs, encoded, words, **processor.stop_arguments())

    num_written = int((answer(NEW_TOKENS) != model.generation_config.pad_token_id).sum())
    num_read = int(inputs["attention_mask"].sum())
    reading = seconds_of(lambda: answer(1), repeats)
    both = seconds_of(lambda: answer(NEW_TOKENS), repeats)
    return {
        f"read, {name}": [num_read / seconds for seconds in reading],
        f"write, {name}": [
            (num_written - batch) / (total - first)
            for total, first in zip(sorted(both), sorted(reading), strict=True)
        ],
    }


if __name__ == "__main__":
    main()
