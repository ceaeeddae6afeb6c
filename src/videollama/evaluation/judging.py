"""Adds a judge's verdicts to the answers of a task."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from videollama.evaluation.answer_log import AnswerLog, Record
from videollama.evaluation.judge import PROMPT_VERSION, Inquiry, Judge, JudgeError, Verdict
from videollama.evaluation.runner import Summary
from videollama.evaluation.tasks import Sample, Scores, Task

AT_ONCE = 8


@runtime_checkable
class JudgedTask(Task, Protocol):
    """A task whose answers a language model can judge."""

    def inquiries(self, samples: Sequence[Sample], answers: Sequence[str]) -> list[Inquiry]:
        """What the judge is asked about the answers to `samples`, a part of `self.samples`."""

    def judged(
        self, samples: Sequence[Sample], verdicts: Mapping[tuple[str, str], Verdict]
    ) -> Scores:
        """Sum up the verdicts that there are, by sample's id and aspect."""


def judge_answers(
    task: JudgedTask,
    summary: Summary,
    judge: Judge,
    *,
    log: AnswerLog | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Ask for the verdicts that the records do not hold yet, and sum up.

    What the judge fails to say is counted and left out of the figures. When it fails in a whole
    round of inquiries, the rest is not asked but counted as failed; the same run asks again.

    Args:
        task: Its questions.
        summary: Their answers.
        judge: Whom to ask.
        log: Where verdicts are kept.
        progress: Called with the number of inquiries just done.

    Returns:
        The summary with the judge's figures in front, and `judge` filled in.
    """
    records = {record.id: record for record in summary.records}
    answered = [sample for sample in task.samples if records[sample.id].answer is not None]
    answers = [records[sample.id].answer or "" for sample in answered]
    inquiries = task.inquiries(answered, answers)
    todo = [inquiry for inquiry in inquiries if not _is_known(records, inquiry, judge)]
    progress(len(inquiries) - len(todo))
    for start in range(0, len(todo), AT_ONCE):
        batch = todo[start : start + AT_ONCE]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            said = list(pool.map(lambda inquiry: _ask(judge, inquiry), batch))
        _keep(records, batch, said, log)
        progress(len(batch))
        if all("error" in entry for entry in said):
            rest = todo[start + AT_ONCE :]
            reason = f"not asked, because the judge failed before: {said[0]['error']}"
            _keep(records, rest, [{"error": reason}] * len(rest), log)
            break
    entries = [records[each.sample_id].verdicts[each.aspect] for each in inquiries]
    verdicts = {
        (inquiry.sample_id, inquiry.aspect): Verdict(entry["grade"], entry["right"])
        for inquiry, entry in zip(inquiries, entries, strict=True)
        if "grade" in entry
    }
    scores = task.judged(answered, verdicts)
    for sample, score in zip(answered, scores.per_sample, strict=True):
        if score is not None:
            records[sample.id] = replace(records[sample.id], score=round(score, 4))
    ordered = tuple(records[record.id] for record in summary.records)
    if log is not None:
        log.finish(ordered)
    return replace(
        summary,
        numbers={**scores.numbers, **summary.numbers},
        margin=scores.margin if scores.numbers else summary.margin,
        grades=scores.grades,
        records=ordered,
        judge=_report(judge, entries),
    )


def _is_known(records: Mapping[str, Record], inquiry: Inquiry, judge: Judge) -> bool:
    """Whether this judge has said it before, to the same words."""
    entry = records[inquiry.sample_id].verdicts.get(inquiry.aspect, {})
    same = (entry.get("model"), entry.get("prompt")) == (judge.model, PROMPT_VERSION)
    return "grade" in entry and same


def _ask(judge: Judge, inquiry: Inquiry) -> dict[str, Any]:
    try:
        verdict = judge.ask(inquiry)
    except JudgeError as error:
        return {"error": str(error)}
    return {
        "grade": verdict.grade,
        "right": verdict.is_right,
        "model": judge.model,
        "prompt": PROMPT_VERSION,
        "date": datetime.now(UTC).date().isoformat(),
    }


def _keep(
    records: dict[str, Record],
    inquiries: Sequence[Inquiry],
    said: Sequence[dict[str, Any]],
    log: AnswerLog | None,
) -> None:
    for inquiry, entry in zip(inquiries, said, strict=True):
        record = records[inquiry.sample_id]
        record = replace(record, verdicts={**record.verdicts, inquiry.aspect: entry})
        records[inquiry.sample_id] = record
        if log is not None:
            log.add(record)


def _report(judge: Judge, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Who judged, when, and how often nothing came of it."""
    dates = sorted({entry["date"] for entry in entries if "date" in entry})
    failures = [entry["error"] for entry in entries if "error" in entry]
    return {
        "model": judge.model,
        "address": judge.url,
        "prompt": PROMPT_VERSION,
        "dates": dates,
        "verdicts": len(entries) - len(failures),
        "failures": len(failures),
        "first failure": failures[0] if failures else None,
    }
