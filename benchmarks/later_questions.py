"""Whether a later question is answered as well as a first: `python -m benchmarks.later_questions`.

Yes/no questions about photos (see `videollama eval yesno`), and whether videos without audio track
can be heard: each as the first question, and as the second after "Describe the video.", once with
what was said before in the prompt and once without.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import report
from videollama import VideoLlama
from videollama.evaluation.sounds import NO_TRACK, SoundsTask
from videollama.evaluation.tasks import Sample, Task
from videollama.evaluation.yes_no import YesNoTask

FIRST = "Describe the video."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with flickr8k and esc50")
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--questions", type=int, default=100)
    arguments = parser.parse_args()
    assistant = VideoLlama.load(arguments.model)
    photos, sounds = arguments.data / "flickr8k", arguments.data / "esc50"
    things: Task = YesNoTask(photos, limit=arguments.questions)
    sound: Task = SoundsTask(sounds, limit=1, photos=photos)
    mute = [sample for sample in sound.samples if sample.group == NO_TRACK]
    rows = {}
    for task, samples, title in (
        (things, things.samples, "balanced accuracy"),
        (sound, mute, "no audio track said"),
    ):
        for name, answers in _answers(assistant, samples, task.max_new_tokens).items():
            rows[f"{title}, {name}"] = [task.judge(samples, answers).numbers[title]]
    report("later_questions", rows, unit="%", questions=arguments.questions)


def _answers(
    assistant: VideoLlama, samples: Sequence[Sample], max_new_tokens: int
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"first": [], "second, with the first": [], "second, alone": []}
    for sample in samples:
        clip = sample.open_clip()
        alone = assistant.ask(clip, sample.question, max_new_tokens=max_new_tokens)
        found["first"].append(alone.text)
        for name, multi_turn in (("second, with the first", True), ("second, alone", False)):
            assistant.processor.config.multi_turn = multi_turn
            chat = assistant.chat(clip, max_new_tokens=max_new_tokens)
            chat.ask(FIRST)
            found[name].append(chat.ask(sample.question).text)
    return found


if __name__ == "__main__":
    main()
