"""The built-in model from file to answer, cold and warm: `python -m benchmarks.answer`."""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.report import report, seconds_of
from tests.synthetic import write_clip

QUESTION = "What do you see and hear?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(
            Path(folder) / "clip.mp4", seconds=8, frames_per_second=25, size=(360, 640)
        )
        rows = {"cold: the command, new process": _cold(clip, arguments.model)}
        rows |= _warm(clip, arguments.model, arguments.repeats)
    report("answer", rows, question=QUESTION, clip="8 s, 360p, with sound")


def _cold(clip: Path, model: str | None) -> list[float]:
    words = ["ask", str(clip), QUESTION, "--quiet"] + (["--model", model] if model else [])
    command = [sys.executable, "-c", "from videollama.cli.main import run; run()", *words]
    return seconds_of(lambda: subprocess.run(command, check=True, capture_output=True), 3)


def _warm(clip: Path, model: str | None, repeats: int) -> dict[str, list[float]]:
    from videollama import VideoLlama

    assistant = VideoLlama.load(model)
    assistant.ask(clip, QUESTION)
    answers = [assistant.ask(clip, QUESTION) for _ in range(repeats)]
    stages = [asdict(answer.timings) for answer in answers]
    rows = {"warm: whole answer": [answer.timings.total_seconds for answer in answers]}
    for stage in stages[0]:
        if stage.endswith("_seconds"):
            name = stage.removesuffix("_seconds")
            rows[f"warm: {name}"] = [each[stage] for each in stages]
    return rows


if __name__ == "__main__":
    main()
