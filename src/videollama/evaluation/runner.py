"""Asks a task's questions in batches and sums up what the answers are worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from videollama.errors import DataError, MediaError
from videollama.evaluation.answer_log import AnswerLog, Record
from videollama.evaluation.answering import Answerer
from videollama.evaluation.tasks import Sample, Task

if TYPE_CHECKING:
    from videollama.media.clip import Clip


@dataclass(frozen=True)
class Summary:
    """The result of a task, with or without media.

    Attributes:
        numbers: Per cent by name, the most important first.
        margin: Half the 95 % interval of the first number, in per cent.
        num_answers: Questions judged.
        num_broken: Questions left out because their media could not be read.
        records: Every answer with its score, in the task's order.
        grades: Means of what a judge gave, from 0 to 5, by name.
        judge: Who judged, when, and how often that failed; None without a judge.
        left_out: Numbers that could not be had here, each with a sentence that says why.
    """

    numbers: dict[str, float]
    margin: float
    num_answers: int
    num_broken: int
    records: tuple[Record, ...]
    grades: dict[str, float] = field(default_factory=dict)
    judge: dict[str, Any] | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """What scripts want: everything but the records, rounded to four digits."""
        scores: dict[str, float | None] = {n: round(v, 4) for n, v in self.numbers.items()}
        result: dict[str, Any] = {
            "scores": scores | dict.fromkeys(self.left_out),
            "margin": round(self.margin, 4),
            "answers": self.num_answers,
            "broken": self.num_broken,
        }
        if self.judge is not None:
            result["grades"] = {name: round(value, 4) for name, value in self.grades.items()}
            result["judge"] = self.judge
        if self.left_out:
            result["left_out"] = self.left_out
        return result


def run_task(
    task: Task,
    answerer: Answerer,
    *,
    blind: bool = False,
    batch_size: int = 8,
    log: AnswerLog | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Ask every question that the log does not hold yet, then judge all.

    A question whose media cannot be read is left out of the scores and counted.

    Args:
        task: Questions and judge.
        answerer: Who answers.
        blind: Give no media: what can be guessed from the question alone.
        batch_size: Questions per pass.
        log: Where answers are kept; None keeps them in memory.
        progress: Called with the number of questions just done.

    Returns:
        The scores.

    Raises:
        DataError: If there are no questions, or no file could be read.
    """
    if not task.samples:
        raise DataError(f"There are no questions for {task.name} in {task.source}; use more data.")
    records: dict[str, Record] = {}
    if log is not None:
        records = {key: r for (key, was_blind), r in log.records.items() if was_blind == blind}
    todo = [sample for sample in task.samples if sample.id not in records]
    progress(len(task.samples) - len(todo))
    known: dict[_Asked, str] = {}
    if blind:
        known = {_asked(s): records[s.id].answer or "" for s in task.samples if s.id in records}
    for start in range(0, len(todo), batch_size):
        batch = todo[start : start + batch_size]
        if blind:
            answered = _ask_blind(batch, answerer, known, task.max_new_tokens)
        else:
            answered = _ask(batch, answerer, task.max_new_tokens)
        for record in answered:
            records[record.id] = record
            if log is not None:
                log.add(record)
        progress(len(batch))
    summary = _judge(task, records)
    if log is not None:
        log.finish(summary.records)
    return summary


_Asked = tuple[str, tuple[str, ...]]


def _asked(sample: Sample) -> _Asked:
    """What an answer without media depends on."""
    return sample.question, sample.options


def _ask_blind(
    samples: Sequence[Sample], answerer: Answerer, known: dict[_Asked, str], max_new_tokens: int
) -> list[Record]:
    """Ask without media; the same question has the same answer, so it is asked once (`known`)."""
    new = {_asked(sample): sample for sample in samples if _asked(sample) not in known}
    if new:
        answers = _answers(answerer, list(new.values()), [None] * len(new), max_new_tokens)
        known.update(zip(new, answers, strict=True))
    return [Record(s.id, True, s.question, s.truth, answer=known[_asked(s)]) for s in samples]


def _ask(samples: Sequence[Sample], answerer: Answerer, max_new_tokens: int) -> list[Record]:
    records = {s.id: Record(s.id, False, s.question, s.truth) for s in samples}
    clips: dict[str, Clip] = {}
    for sample in samples:
        try:
            clips[sample.id] = sample.open_clip()
        except MediaError as error:
            records[sample.id] = replace(records[sample.id], error=str(error))
    if clips:
        shown = [sample for sample in samples if sample.id in clips]
        answers = _answers(answerer, shown, list(clips.values()), max_new_tokens)
        for key, answer in zip(clips, answers, strict=True):
            records[key] = replace(records[key], answer=answer)
    return list(records.values())


def _answers(
    answerer: Answerer,
    samples: Sequence[Sample],
    clips: Sequence["Clip | None"],
    max_new_tokens: int,
) -> list[str]:
    """Written, or chosen where the task's questions have options."""
    questions = [sample.question for sample in samples]
    options = [sample.options for sample in samples]
    if not all(options):
        return answerer.answer(clips, questions, max_new_tokens)
    places = answerer.choose(clips, questions, options)
    return [texts[place] for texts, place in zip(options, places, strict=True)]


def _judge(task: Task, records: dict[str, Record]) -> Summary:
    answered = [s for s in task.samples if records[s.id].answer is not None]
    broken = len(task.samples) - len(answered)
    if not answered:
        first = records[task.samples[0].id].error
        raise DataError(f"None of {broken} questions could be asked; the first says: {first}")
    scores = task.judge(answered, [records[sample.id].answer or "" for sample in answered])
    for sample, score in zip(answered, scores.per_sample, strict=True):
        rounded = None if score is None else round(score, 4)
        records[sample.id] = replace(records[sample.id], score=rounded)
    ordered = tuple(records[sample.id] for sample in task.samples)
    return Summary(
        scores.numbers,
        scores.margin,
        len(answered),
        broken,
        ordered,
        left_out=scores.left_out,
    )
