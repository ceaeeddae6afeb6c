"""Task `answers`: people's own questions, each with the answer that is wanted."""

from collections.abc import Sequence

from videollama.evaluation.metrics import exact_match, margin_of_mean, soft_match
from videollama.evaluation.tasks import Sample, Scores


class AnswersTask:
    """Share of answers that are the wanted one, or hold it.

    Args:
        samples: Questions with the wanted answers as `truth`.
        source: Where they come from, for people.
    """

    name = "answers"
    max_new_tokens = 64

    def __init__(self, samples: Sequence[Sample], source: str) -> None:
        self.samples, self.source = samples, source

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Compare word by word; case, punctuation and a leading article do not count."""
        pairs = [(str(s.truth), answer) for s, answer in zip(samples, answers, strict=True)]
        exact = [100.0 * exact_match(answer, truth) for truth, answer in pairs]
        soft = [100.0 * soft_match(answer, truth) for truth, answer in pairs]
        numbers = {
            "answer exact": sum(exact) / len(exact),
            "answer contained": sum(soft) / len(soft),
        }
        return Scores(numbers, tuple(exact), margin_of_mean(exact))
