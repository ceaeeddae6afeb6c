"""Numbers that compare answers with references: captions, balanced accuracy, matches.

BLEU repeats coco-caption's `Bleu` number for number on equal tokens; for the tokens and CIDEr-D
see `videollama.consensus`.
"""

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from videollama.consensus import (
    LONGEST_NGRAM,
    Ngram,
    caption_tokens,
    check_pairs,
    cider_d,
    ngrams,
)
from videollama.evaluation.meteor import Meteor, meteor

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}


@dataclass(frozen=True)
class CaptionScores:
    """Corpus scores times 100, CIDEr-D of every caption in the order given, and METEOR."""

    cider_d: float
    bleu: tuple[float, float, float, float]
    meteor: Meteor
    cider_d_per_caption: tuple[float, ...]


def caption_scores(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionScores:
    """Score captions against their references.

    Args:
        candidates: One caption per picture.
        references: The human captions per picture, in the same order.

    Returns:
        CIDEr-D and BLEU-1 to 4, times 100; METEOR where it is installed.

    Raises:
        ValueError: If the lengths differ, or a picture has no reference.
    """
    tokens = [caption_tokens(caption) for caption in candidates]
    human = [[caption_tokens(caption) for caption in group] for group in references]
    per_caption = cider_d(tokens, human)
    first, second, third, fourth = (100.0 * value for value in corpus_bleu(tokens, human))
    return CaptionScores(
        cider_d=100.0 * fmean(per_caption) if per_caption else 0.0,
        bleu=(first, second, third, fourth),
        meteor=meteor(tokens, human),
        cider_d_per_caption=tuple(100.0 * value for value in per_caption),
    )


def corpus_bleu(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> tuple[float, ...]:
    """BLEU-1 to BLEU-4 over all candidates, against the closest reference length.

    K. Papineni et al., "BLEU", ACL 2002; with coco-caption's small constants instead of smoothing.

    Args:
        candidates: Tokens of one caption per picture.
        references: Tokens of the human captions per picture.

    Returns:
        Four scores from 0 to 1.

    Raises:
        ValueError: If the lengths differ, or a picture has no reference.
    """
    check_pairs(candidates, references)
    correct = [0] * LONGEST_NGRAM
    guessed = [0] * LONGEST_NGRAM
    candidate_length = reference_length = 0
    for candidate, group in zip(candidates, references, strict=True):
        length = len(candidate)
        candidate_length += length
        reference_length += min((abs(len(human) - length), len(human)) for human in group)[1]
        most: Counter[Ngram] = Counter()
        for human in group:
            most |= ngrams(human)
        for ngram, count in ngrams(candidate).items():
            correct[len(ngram) - 1] += min(count, most[ngram])
        for order in range(LONGEST_NGRAM):
            guessed[order] += max(0, length - order)
    tiny, small = 1e-15, 1e-9
    ratio = (candidate_length + tiny) / (reference_length + small)
    brevity = math.exp(1.0 - 1.0 / ratio) if ratio < 1.0 else 1.0
    product = 1.0
    scores = []
    for order in range(LONGEST_NGRAM):
        product *= (correct[order] + tiny) / (guessed[order] + small)
        scores.append(brevity * product ** (1.0 / (order + 1)))
    return tuple(scores)


def balanced_accuracy(truths: Sequence[Hashable], answers: Sequence[Hashable]) -> float:
    """Mean over the classes of the share answered rightly; always guessing one of two gives 0.5.

    Args:
        truths: The right class of each question.
        answers: What was answered; anything that is no class counts as wrong.

    Returns:
        A share from 0 to 1; 0 without questions.

    Raises:
        ValueError: If the lengths differ.
    """
    asked = Counter(truths)
    right = Counter(truth for truth, answer in zip(truths, answers, strict=True) if truth == answer)
    return fmean(right[truth] / count for truth, count in asked.items()) if asked else 0.0


def margin_of_mean(values: Sequence[float]) -> float:
    """Half the 95 % interval of the mean (normal approximation), in the unit of the values."""
    return 1.96 * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def exact_match(answer: str, truth: str) -> bool:
    """Whether the words agree, apart from what `bare_words` leaves out."""
    return bare_words(answer) == bare_words(truth)


def soft_match(answer: str, truth: str) -> bool:
    """Whether the words of the truth stand in a row somewhere in the answer."""
    wanted = bare_words(truth)
    return bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(bare_words(answer))} "


def bare_words(text: str) -> list[str]:
    """The words that VQA's evaluation compares (S. Antol et al., ICCV 2015).

    Lower case, no punctuation, no articles, numbers up to ten in digits.
    """
    text = re.sub(r"(?<=\d),(?=\d)|['\u2019]", "", text.lower())
    words = re.findall(r"\d+(?:\.\d+)?|[^\W_]+", text)
    return [_DIGITS.get(word, word) for word in words if word not in ("a", "an", "the")]
