"""Questions with options, as MVBench and Video-MME ask them; accuracy per group and overall."""

import random
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from videollama.errors import DataError
from videollama.evaluation.metrics import bare_words, margin_of_mean
from videollama.evaluation.tasks import Sample, Scores, share_by_group
from videollama.evaluation.video_folder import Coverage, read_part

Choice = Literal["letter", "likelihood"]
LETTERS = string.ascii_uppercase
LETTER_REQUEST = "Answer with the option's letter from the given choices directly."


@dataclass(frozen=True)
class ChoiceQuestion:
    """A question with its options.

    Attributes:
        id: Stays the same from run to run.
        video: As the annotations name it.
        text: The question.
        options: Without letters.
        right: Place of the right option.
        group: Task or length of the video.
        start_seconds: Where the part of the video that is meant begins; None: at the beginning.
        end_seconds: Where it ends; None: at the end.
    """

    id: str
    video: str
    text: str
    options: tuple[str, ...]
    right: int
    group: str
    start_seconds: float | None = None
    end_seconds: float | None = None


class MultipleChoiceTask:
    """Share of questions for which the right option is chosen.

    Args:
        name: The word on the command line.
        source: Which annotations, for people.
        questions: With their videos.
        coverage: What is missing.
        choice: "letter" shows the options with letters and reads the letter from the answer, as is
            usual; "likelihood" shows the bare question and takes the option whose text the decoder
            finds likeliest, for models that were never taught to answer with letters.
        limit: Number of questions, drawn with `seed`; None asks all.
        seed: Of the draw.
        num_frames: Frames of each video.

    Raises:
        DataError: Two questions have the same id.
    """

    max_new_tokens = 16

    def __init__(
        self,
        name: str,
        source: str,
        questions: Sequence[tuple[ChoiceQuestion, Path]],
        coverage: Coverage,
        *,
        choice: Choice = "letter",
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 8,
    ) -> None:
        self.name, self.coverage = name, coverage
        self.source = f"{source}, by {choice}"
        if limit is not None and limit < len(questions):
            kept = sorted(random.Random(seed).sample(range(len(questions)), limit))
            questions = [questions[place] for place in kept]
        self._questions = {question.id: question for question, _ in questions}
        if len(self._questions) < len(questions):
            raise DataError(f"Two questions in {source} have the same id; get the file again.")
        self.samples = [_sample(question, path, choice, num_frames) for question, path in questions]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Compare the chosen options with the right ones; no clear choice is wrong."""
        asked = [self._questions[sample.id] for sample in samples]
        chosen = [
            chosen_option(answer, question.options)
            for answer, question in zip(answers, asked, strict=True)
        ]
        right = tuple(
            100.0 * (place == question.right) for place, question in zip(chosen, asked, strict=True)
        )
        numbers = {
            "accuracy": sum(right) / len(right),
            "chance": sum(100.0 / len(question.options) for question in asked) / len(asked),
            "clear answers": 100.0 * sum(place is not None for place in chosen) / len(chosen),
            **share_by_group("accuracy", samples, right),
        }
        return Scores(numbers, right, margin_of_mean(right))


def chosen_option(answer: str, options: Sequence[str]) -> int | None:
    """Which option an answer means; None when that is not clear.

    The text of an option counts, then a letter in front ("B", "(B) …", "B. …"), then one that is
    called so ("the answer is B", "option (B)"), then the text of the only option that stands in the
    answer.
    """
    words = bare_words(answer)
    texts = [bare_words(option) for option in options]
    if words in texts:
        return texts.index(words)
    last = LETTERS[len(options) - 1]
    text = answer.strip()
    letter = (
        re.match(rf"\(?([A-{last}])(?:[).:,]|$|\s*\n)", text)
        or re.fullmatch(rf"\(?([a-{last.lower()}])[).]?", text)
        or re.search(rf"(?:answer is|answer:|option)\s*:?\s*\(?([A-{last}])\b", text, re.IGNORECASE)
    )
    if letter:
        return LETTERS.index(letter[1].upper())
    spoken = f" {' '.join(words)} "
    named = [place for place, own in enumerate(texts) if own and f" {' '.join(own)} " in spoken]
    return named[0] if len(named) == 1 else None


def option_texts(place: str, options: object) -> tuple[str, ...]:
    """Options without their letters: "A. A dog." gives "A dog.".

    Raises:
        DataError: They are no list of two or more texts.
    """
    if not isinstance(options, list) or not 2 <= len(options) <= len(LETTERS):
        raise DataError(f"{place}: the options must be a list of texts, not {options!r:.60}.")
    texts = tuple(
        re.sub(rf"^\(?{LETTERS[number]}[).:]\s+", "", str(option).strip())
        for number, option in enumerate(options)
    )
    if not all(texts):
        raise DataError(f"{place}: option {LETTERS[texts.index('')]} is empty.")
    return texts


def _sample(question: ChoiceQuestion, path: Path, choice: Choice, num_frames: int) -> Sample:
    listed = "\n".join(
        f"({LETTERS[number]}) {option}" for number, option in enumerate(question.options)
    )
    asked = f"{question.text}\n{listed}\n{LETTER_REQUEST}"
    return Sample(
        id=question.id,
        question=asked if choice == "letter" else question.text,
        truth=f"({LETTERS[question.right]}) {question.options[question.right]}",
        open_clip=partial(
            read_part, path, num_frames, question.start_seconds, question.end_seconds
        ),
        group=question.group,
        options=() if choice == "letter" else question.options,
    )
