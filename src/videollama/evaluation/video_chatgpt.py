"""Video-ChatGPT's benchmark (M. Maaz et al., ACL 2024): five grades from 0 to 5, all by a judge.

generic_qa.json        Q, A, video_name        correctness, detail, context
temporal_qa.json       Q, A, video_name        temporal
consistency_qa.json    Q1, Q2, A, video_name   consistency of two answers
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from videollama.errors import DataError
from videollama.evaluation.annotations import read_annotations, value_of
from videollama.evaluation.judge import Inquiry, Verdict, grade_inquiry
from videollama.evaluation.metrics import margin_of_mean
from videollama.evaluation.tasks import Sample, Scores
from videollama.evaluation.video_folder import VideoFolder, read_part, with_videos

FILES = {
    "generic": ("generic_qa.json", ("correctness", "detail", "context")),
    "temporal": ("temporal_qa.json", ("temporal",)),
    "consistency": ("consistency_qa.json", ("consistency",)),
}

_CASE = "You grade answers to questions about videos, by comparing them with a correct answer. "
_ASPECTS = {
    "correctness": "Grade how far the candidate's facts agree with the correct answer. Nothing may "
    "be made up or misread; synonyms and other wordings are as good.",
    "detail": "Grade how detailed the candidate is: whether it covers every main point of the "
    "correct answer, and says specific things instead of general ones.",
    "context": "Grade how well the candidate fits what the video as a whole is about, going by the "
    "correct answer: its main themes, and nothing outside of them.",
    "temporal": "Grade how well the candidate reflects the order in time of what happens, as the "
    "correct answer tells it. Other wordings are as good if the order is kept.",
    "consistency": "You see two questions that ask for the same, and a candidate's answer to each. "
    "Grade how well both agree with each other and with the correct answer.",
}


@dataclass(frozen=True)
class GradedQuestion:
    """One entry: a question, or two that ask for the same.

    Attributes:
        id: File and place.
        video: As the annotations name it.
        texts: The questions.
        answer: The true answer.
        aspects: What is graded.
    """

    id: str
    video: str
    texts: tuple[str, ...]
    answer: str
    aspects: tuple[str, ...]


class VideoChatGptTask:
    """Mean grades of correctness, detail, context, temporal understanding and consistency.

    Args:
        folder: With one to three of the benchmark's files.
        media: With the videos; None: the folder.
        limit: Number of entries, drawn with `seed`; None asks all.
        seed: Of the draw.
        num_frames: Frames of each video.

    Raises:
        DataError: If no file is there, or one is malformed.
    """

    name = "video-chatgpt"
    max_new_tokens = 256

    def __init__(
        self,
        folder: Path,
        *,
        media: Path | None = None,
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 8,
    ) -> None:
        entries = _read(folder)
        videos = VideoFolder(media or folder)
        found, self.coverage = with_videos(entries, lambda entry: videos.find([entry.video]))
        if limit is not None and limit < len(found):
            kept = sorted(random.Random(seed).sample(range(len(found)), limit))
            found = [found[place] for place in kept]
        self.source = ", ".join(sorted({entry.id.split("/")[0] for entry, _ in found}))
        self._entries = {entry.id: entry for entry, _ in found}
        self.samples = [
            Sample(
                id=f"{entry.id}/{number}",
                question=text,
                truth=entry.answer,
                open_clip=partial(read_part, path, num_frames, None, None),
                group=entry.id,
            )
            for entry, path in found
            for number, text in enumerate(entry.texts, start=1)
        ]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Nothing can be said without a judge."""
        return Scores({}, tuple(None for _ in samples), 0.0)

    def inquiries(self, samples: Sequence[Sample], answers: Sequence[str]) -> list[Inquiry]:
        """What a judge is asked: each aspect of each entry all of whose questions are answered."""
        said: dict[str, list[str]] = {}
        for sample, answer in zip(samples, answers, strict=True):
            said.setdefault(sample.group, []).append(answer)
        return [
            grade_inquiry(f"{key}/1", aspect, _CASE + _ASPECTS[aspect], _case(entry, said[key]))
            for key, entry in self._entries.items()
            if len(said.get(key, ())) == len(entry.texts)
            for aspect in entry.aspects
        ]

    def judged(
        self, samples: Sequence[Sample], verdicts: Mapping[tuple[str, str], Verdict]
    ) -> Scores:
        """The mean grade of each aspect; an answer's score is the mean of its grades, times 20."""
        by_aspect: dict[str, list[int]] = {}
        by_sample: dict[str, list[int]] = {}
        for (sample_id, aspect), verdict in verdicts.items():
            by_aspect.setdefault(aspect, []).append(verdict.grade)
            by_sample.setdefault(sample_id, []).append(verdict.grade)
        grades = {
            aspect: sum(by_aspect[aspect]) / len(by_aspect[aspect])
            for aspect in _ASPECTS
            if aspect in by_aspect
        }
        means = {key: 20.0 * sum(given) / len(given) for key, given in by_sample.items()}
        margin = margin_of_mean(list(means.values()))
        return Scores({}, tuple(means.get(sample.id) for sample in samples), margin, grades)


def _read(folder: Path) -> list[GradedQuestion]:
    entries: list[GradedQuestion] = []
    for part, (name, aspects) in FILES.items():
        if not (folder / name).is_file():
            continue
        questions = ("Q1", "Q2") if part == "consistency" else ("Q",)
        rows = read_annotations(folder / name, [*questions, "A", "video_name"])
        entries += [
            GradedQuestion(
                id=f"{part}/{number}",
                video=value_of(row, "video_name"),
                texts=tuple(value_of(row, question) for question in questions),
                answer=value_of(row, "A"),
                aspects=aspects,
            )
            for number, row in enumerate(rows, start=1)
        ]
    if not entries:
        names = ", ".join(name for name, _ in FILES.values())
        raise DataError(f"{folder} holds none of {names}; name the folder that does.")
    return entries


def _case(entry: GradedQuestion, answers: Sequence[str]) -> str:
    numbers = [""] if len(answers) == 1 else [f" {number}" for number in range(1, len(answers) + 1)]
    return "\n".join(
        [
            *(f"Question{n}: {text}" for n, text in zip(numbers, entry.texts, strict=True)),
            f"Correct answer: {entry.answer}",
            *(f"Candidate{n}: {answer}" for n, answer in zip(numbers, answers, strict=True)),
        ]
    )
