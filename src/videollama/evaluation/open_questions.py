"""MSVD-QA, MSRVTT-QA and ActivityNet-QA: free answers of a word or two about videos.

Two releases of each are about: one file with questions and answers (`test_qa.json`: video_id,
question, answer), and two that belong together by `question_id` (`test_q.json`: video_name,
question; `test_a.json`: answer), as ActivityNet-QA is published and LLaVA's followers repacked the
others.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from videollama.errors import DataError
from videollama.evaluation.annotations import find_annotations, read_annotations, value_of
from videollama.evaluation.judge import Inquiry, Verdict, answer_inquiry
from videollama.evaluation.metrics import exact_match, margin_of_mean, soft_match
from videollama.evaluation.tasks import Sample, Scores, share_by_group
from videollama.evaluation.video_folder import VideoFolder, read_part, with_videos

QUESTION_FILES = (
    "test_qa.json", "test_q.json", "gt_qa.json", "gt_q.json", "val_qa.json", "val_q.json",
)  # fmt: skip
MAPPING_FILE = "youtube_mapping.txt"
VIDEO_NAMES: dict[str, tuple[str, ...]] = {
    "msvd-qa": ("{}", "vid{}"),
    "msrvtt-qa": ("{}", "video{}"),
    "activitynet-qa": ("v_{}", "{}"),
}
"""What the file of a video may be called, by benchmark; the braces hold the annotations' name."""

_VIDEO = ("video_name", "video_id", "video")
_ID = ("question_id", "id")
_ACTIVITYNET_TYPES = (
    "motion", "spatial relation", "temporal relation", "yes/no", "color", "object", "location",
    "number", "other",
)  # fmt: skip


@dataclass(frozen=True)
class OpenQuestion:
    """A question with its answer.

    Attributes:
        id: The annotations' own, or the place in the file.
        video: As the annotations name it.
        text: The question.
        answer: A word or two.
        kind: "what", "who" …; in ActivityNet-QA the type that it states.
    """

    id: str
    video: str
    text: str
    answer: str
    kind: str


class OpenQuestionsTask:
    """Share of answers that hold, or are, the true one.

    Args:
        name: One of `VIDEO_NAMES`.
        folder: With the annotations, or their file.
        media: With the videos; None: the folder of the annotations.
        limit: Number of questions, drawn with `seed`; None asks all.
        seed: Of the draw.
        num_frames: Frames of each video.

    Raises:
        DataError: If the annotations are not usable.
    """

    max_new_tokens = 64

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        media: Path | None = None,
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 8,
    ) -> None:
        self.name = name
        file = find_annotations(folder, QUESTION_FILES)
        videos = VideoFolder(media or file.parent)
        aliases = _aliases(file.parent / MAPPING_FILE)
        questions = read_questions(file, asks_in_full=name != "activitynet-qa")

        def find(question: OpenQuestion) -> Path | None:
            names = [form.format(question.video) for form in VIDEO_NAMES[name]]
            return videos.find([*names, *(aliases[key] for key in names if key in aliases)])

        found, self.coverage = with_videos(questions, find)
        if limit is not None and limit < len(found):
            found = [
                found[at] for at in sorted(random.Random(seed).sample(range(len(found)), limit))
            ]
        self.source = file.name
        self.samples = [
            Sample(
                id=question.id,
                question=question.text,
                truth=question.answer,
                open_clip=partial(read_part, path, num_frames, None, None),
                group=question.kind,
            )
            for question, path in found
        ]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Look for the true words in the answers; all is compared as VQA's evaluation does."""
        pairs = list(zip(answers, (sample.truth for sample in samples), strict=True))
        soft = tuple(100.0 * soft_match(*pair) for pair in pairs)
        exact = [100.0 * exact_match(*pair) for pair in pairs]
        numbers = {
            "soft match": sum(soft) / len(soft),
            "exact match": sum(exact) / len(exact),
            **share_by_group("soft match", samples, soft),
        }
        return Scores(numbers, soft, margin_of_mean(soft))

    def inquiries(self, samples: Sequence[Sample], answers: Sequence[str]) -> list[Inquiry]:
        """What a judge is asked: one thing per answer."""
        return [
            answer_inquiry(sample.id, sample.question, sample.truth, answer)
            for sample, answer in zip(samples, answers, strict=True)
        ]

    def judged(
        self, samples: Sequence[Sample], verdicts: Mapping[tuple[str, str], Verdict]
    ) -> Scores:
        """Share of answers that the judge finds right, and the mean grade; others do not count."""
        given = [(sample, verdicts.get((sample.id, "answer"))) for sample in samples]
        known = [(sample, verdict) for sample, verdict in given if verdict is not None]
        right = tuple(100.0 * bool(verdict.is_right) for _, verdict in known)
        if not right:
            return Scores({}, tuple(None for _ in samples), 0.0)
        numbers = {
            "judged right": sum(right) / len(right),
            **share_by_group("judged right", [sample for sample, _ in known], right),
        }
        grades = {"judge's grade": sum(verdict.grade for _, verdict in known) / len(known)}
        per_sample = tuple(None if v is None else 20.0 * v.grade for _, v in given)
        return Scores(numbers, per_sample, margin_of_mean(right), grades)


def read_questions(file: Path, *, asks_in_full: bool) -> list[OpenQuestion]:
    """Questions and answers from one file, or from two that belong together.

    Args:
        file: With the questions.
        asks_in_full: False for ActivityNet-QA, whose questions have no capital and no question
            mark; they are added.

    Raises:
        DataError: A file is missing or malformed, or a question has no answer.
    """
    entries = read_annotations(file, [_VIDEO, "question"])
    answers = {} if "answer" in entries[0] else _answers(file)
    questions: dict[str, OpenQuestion] = {}
    for number, entry in enumerate(entries, start=1):
        place = f"{file}, entry {number},"
        key = value_of(entry, _ID) if any(name in entry for name in _ID) else str(number)
        answered = answers.get(key) if answers else entry
        if answered is None or not str(answered.get("answer", "")).strip():
            raise DataError(f"{place} has no field 'answer', and none is known for {key}.")
        if key in questions:
            raise DataError(f"{place} has the same id as another, {key}; get the file again.")
        text = value_of(entry, "question")
        if not asks_in_full:
            text = f"{text[:1].upper()}{text[1:].rstrip('?')}?"
        answer = value_of(answered, "answer")
        questions[key] = OpenQuestion(
            key, value_of(entry, _VIDEO), text, answer, _kind(answered, text)
        )
    return list(questions.values())


def _answers(file: Path) -> dict[str, Mapping[str, Any]]:
    """The entries of the file of answers beside one of questions, by `question_id`."""
    other = file.with_name(re.sub(r"_qa?$", "_a", file.stem) + file.suffix)
    if other == file or not other.is_file():
        raise DataError(
            f"{file}, entry 1, has no field 'answer', and there is no {other.name} with answers "
            "beside it."
        )
    entries = read_annotations(other, ["question_id", "answer"])
    return {value_of(entry, "question_id"): entry for entry in entries}


def _kind(entry: Mapping[str, Any], question: str) -> str:
    number = entry.get("type")
    if isinstance(number, int) and 0 <= number < len(_ACTIVITYNET_TYPES):
        return _ACTIVITYNET_TYPES[number]
    word = re.match(r"what|who|how|when|where", question.lower())
    return word[0] if word else "other"


def _aliases(file: Path) -> dict[str, str]:
    """MSVD's `youtube_mapping.txt`: "-4wsuPCjDBc_5_15 vid1" names the file of "vid1"."""
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = [line.split() for line in lines]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
