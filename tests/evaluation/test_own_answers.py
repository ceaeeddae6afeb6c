from tests.evaluation.conftest import Scripted
from videollama.evaluation.own_answers import AnswersTask
from videollama.evaluation.runner import run_task
from videollama.evaluation.tasks import Sample


def test_exact_and_contained_answers_are_counted_apart():
    said = {"a": "The square.", "b": "I see a square.", "c": "A circle."}
    samples = [Sample(id=name, question=name, truth="A square.", open_clip=str) for name in said]
    task = AnswersTask(samples, "split test")
    summary = run_task(task, Scripted(lambda _, question: said[question]))
    assert [round(value) for value in summary.numbers.values()] == [33, 67]
    assert [record.score for record in summary.records] == [100.0, 0.0, 0.0]
