"""Answers with the decoder in fewer bits against float32: `python -m benchmarks.int8_answers DATA`.

`--dtype 8-bit` and `--dtype 4-bit` take bitsandbytes' layers instead of ONNX Runtime's.
"""

import argparse
from pathlib import Path

from benchmarks.report import write_result
from videollama import VideoLlama
from videollama.evaluation.answering import EngineAnswerer
from videollama.evaluation.captioning import CaptionsTask
from videollama.evaluation.order import OrderTask
from videollama.evaluation.sounds import SoundsTask
from videollama.evaluation.yes_no import YesNoTask

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder with flickr8k and esc50")
    parser.add_argument("--questions", type=int, default=100, help="of each kind")
    parser.add_argument("--dtype", default="int8", choices=("int8", "8-bit", "4-bit", "bfloat16"))
    arguments = parser.parse_args()
    photos, sounds = arguments.data / "flickr8k", arguments.data / "esc50"
    tasks = [
        CaptionsTask(photos, split="val", limit=arguments.questions),
        YesNoTask(photos, split="val", limit=arguments.questions),
        OrderTask(photos, split="val", limit=arguments.questions),
        SoundsTask(sounds, fold="4", limit=arguments.questions),
    ]
    answerers = [
        EngineAnswerer(VideoLlama.load(dtype=kind)) for kind in ("float32", arguments.dtype)
    ]
    kinds, differing = {}, []
    for task in tasks:
        pairs = []
        for first in range(0, len(task.samples), BATCH):
            samples = task.samples[first : first + BATCH]
            clips = [sample.open_clip() for sample in samples]
            questions = [sample.question for sample in samples]
            given = [each.answer(clips, questions, task.max_new_tokens) for each in answerers]
            pairs += list(zip(samples, *given, strict=True))
        kinds[task.name] = {
            "questions": len(pairs),
            "same": sum(full == rounded for _, full, rounded in pairs),
        }
        differing += [
            {"id": sample.id, "question": sample.question, "float32": full, "rounded": rounded}
            for sample, full, rounded in pairs
            if full != rounded
        ]
        print(task.name, kinds[task.name], flush=True)
    asked = sum(kind["questions"] for kind in kinds.values())
    share = 1 - len(differing) / asked
    print(f"{100 * share:.1f} % of {asked} answers are the same")
    for each in differing:
        print(f"  {each['id']}: {each['float32']} / {each['rounded']}")
    name = "int8_answers" if arguments.dtype == "int8" else f"{arguments.dtype}_answers"
    write_result(name, same=share, kinds=kinds, differing=differing)


if __name__ == "__main__":
    main()
