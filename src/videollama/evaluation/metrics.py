"""Numbers that compare answers with references: CIDEr-D, BLEU, balanced accuracy, matches.

CIDEr-D and BLEU repeat coco-caption's `Cider` and `Bleu` (github.com/tylin/coco-caption, packaged
as pycocoevalcap) number for number on equal tokens. Only its tokeniser, Stanford's PTB in Java, is
replaced by `caption_tokens`: on the 35,000 captions of Flickr8k's train and val splits the two
differ in 39 (mostly "#", "&" and brackets), and CIDEr-D of one human caption against the other four
is 80.371 instead of 80.366.
"""

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

LONGEST_NGRAM = 4
CIDER_SIGMA = 6.0
"""Width in words of CIDEr-D's penalty for captions of another length."""

_TOKEN = re.compile(r"[a-z0-9]+(?:[-./&:,_][a-z0-9]+)*")
_CONTRACTION = re.compile(r"(?<=[a-z0-9])(n't|'(?:s|re|ve|ll|d|m))(?![a-z0-9])")
_CONTRACTION_ALONE = re.compile(r"n't|'(?:s|re|ve|ll|d|m)")

Ngram = tuple[str, ...]


def caption_tokens(text: str) -> list[str]:
    """Split a caption into words as coco-caption does after removing punctuation.

    Lower case; "dog's" gives "dog" and "'s", "don't" gives "do" and "n't"; hyphens, dots and
    commas inside a word or number stay ("t-shirt", "1,000"); all other punctuation goes.

    Args:
        text: A caption.

    Returns:
        Its words.
    """
    plain = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    tokens: list[str] = []
    for piece in _CONTRACTION.sub(r" \1 ", plain).split():
        tokens.extend([piece] if _CONTRACTION_ALONE.fullmatch(piece) else _TOKEN.findall(piece))
    return tokens


@dataclass(frozen=True)
class CaptionScores:
    """Corpus scores, all times 100, and CIDEr-D of every caption in the order given."""

    cider_d: float
    bleu: tuple[float, float, float, float]
    cider_d_per_caption: tuple[float, ...]


def caption_scores(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionScores:
    """Score captions against their references.

    Args:
        candidates: One caption per picture.
        references: The human captions per picture, in the same order.

    Returns:
        CIDEr-D and BLEU-1 to 4, times 100.

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
        cider_d_per_caption=tuple(100.0 * value for value in per_caption),
    )


def cider_d(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> list[float]:
    """CIDEr-D of each candidate, document frequencies taken from the references.

    R. Vedantam, C. L. Zitnick, D. Parikh, "CIDEr", CVPR 2015; clipping, the length penalty and
    the factor 10 as in coco-caption, where the length is counted in bigrams.

    Args:
        candidates: Tokens of one caption per picture.
        references: Tokens of the human captions per picture.

    Returns:
        Scores from 0 to 10. The score of one picture alone is 0: its words all have the
        document frequency 1.

    Raises:
        ValueError: If the lengths differ, or a picture has no reference.
    """
    _check_pairs(candidates, references)
    cooked = [[_ngrams(caption) for caption in group] for group in references]
    frequency: Counter[Ngram] = Counter()
    for group in cooked:
        frequency.update({ngram for caption in group for ngram in caption})
    log_pictures = math.log(len(references)) if references else 0.0

    def weigh(counts: Counter[Ngram]) -> "_Weighted":
        return _Weighted.of(counts, frequency, log_pictures)

    scores = []
    for candidate, group in zip(candidates, cooked, strict=True):
        mine = weigh(_ngrams(candidate))
        scores.append(10.0 * fmean(mine.similarity(weigh(human)) for human in group))
    return scores


@dataclass(frozen=True)
class _Weighted:
    """TF-IDF weights of a caption's n-grams, one dictionary and one norm per n."""

    weights: tuple[dict[Ngram, float], ...]
    norms: tuple[float, ...]
    length: int

    @classmethod
    def of(
        cls, counts: Counter[Ngram], frequency: Counter[Ngram], log_pictures: float
    ) -> "_Weighted":
        weights: tuple[dict[Ngram, float], ...] = tuple({} for _ in range(LONGEST_NGRAM))
        for ngram, count in counts.items():
            rarity = log_pictures - math.log(max(1, frequency[ngram]))
            weights[len(ngram) - 1][ngram] = count * rarity
        norms = tuple(math.sqrt(sum(w * w for w in group.values())) for group in weights)
        length = sum(count for ngram, count in counts.items() if len(ngram) == 2)
        return cls(weights, norms, length)

    def similarity(self, reference: "_Weighted") -> float:
        """Mean over n of the clipped cosine, times the penalty for another length."""
        total = 0.0
        for mine, theirs, norm, their_norm in zip(
            self.weights, reference.weights, self.norms, reference.norms, strict=True
        ):
            product = sum(
                min(weight, theirs[ngram]) * theirs[ngram]
                for ngram, weight in mine.items()
                if ngram in theirs
            )
            total += product / (norm * their_norm) if norm and their_norm else product
        difference = self.length - reference.length
        penalty = math.exp(-(difference**2) / (2.0 * CIDER_SIGMA**2))
        return penalty * total / LONGEST_NGRAM


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
    _check_pairs(candidates, references)
    correct = [0] * LONGEST_NGRAM
    guessed = [0] * LONGEST_NGRAM
    candidate_length = reference_length = 0
    for candidate, group in zip(candidates, references, strict=True):
        length = len(candidate)
        candidate_length += length
        reference_length += min((abs(len(human) - length), len(human)) for human in group)[1]
        most: Counter[Ngram] = Counter()
        for human in group:
            most |= _ngrams(human)
        for ngram, count in _ngrams(candidate).items():
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
    """Whether the words agree; case, punctuation and a leading article do not count."""
    return _bare(answer) == _bare(truth)


def soft_match(answer: str, truth: str) -> bool:
    """Whether the words of the truth stand in a row somewhere in the answer."""
    wanted = _bare(truth)
    return bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(_bare(answer))} "


def _bare(text: str) -> list[str]:
    tokens = caption_tokens(text)
    return tokens[1:] if tokens[:1] in (["a"], ["an"], ["the"]) else tokens


def _ngrams(tokens: Sequence[str]) -> Counter[Ngram]:
    return Counter(
        tuple(tokens[start : start + length])
        for length in range(1, LONGEST_NGRAM + 1)
        for start in range(len(tokens) - length + 1)
    )


def _check_pairs(candidates: Sequence[object], references: Sequence[Sequence[object]]) -> None:
    if len(candidates) != len(references) or not all(references):
        raise ValueError(
            f"each of {len(candidates)} captions needs its references, got "
            f"{sum(1 for group in references if group)} groups that are not empty"
        )
