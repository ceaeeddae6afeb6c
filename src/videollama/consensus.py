"""How alike captions are: words, n-grams and CIDEr-D.

CIDEr-D repeats coco-caption's `Cider` (github.com/tylin/coco-caption, packaged as pycocoevalcap)
number for number on equal tokens. Only its tokeniser, Stanford's PTB in Java, is replaced by
`caption_tokens`: on the 35,000 captions of Flickr8k's train and val splits the two differ in 39
(mostly "#", "&" and brackets), and CIDEr-D of one human caption against the other four is 80.371
instead of 80.366.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

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


class CiderD:
    """CIDEr-D with the document frequencies of a set of pictures.

    R. Vedantam, C. L. Zitnick, D. Parikh, "CIDEr", CVPR 2015; clipping, the length penalty and
    the factor 10 as in coco-caption, where the length is counted in bigrams.

    Args:
        pictures: Tokens of the human captions per picture.
    """

    def __init__(self, pictures: Sequence[Sequence[Sequence[str]]]) -> None:
        self._frequency: Counter[Ngram] = Counter()
        for captions in pictures:
            self._frequency.update({ngram for caption in captions for ngram in ngrams(caption)})
        self._log_pictures = math.log(len(pictures)) if pictures else 0.0

    def score(self, candidate: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """How much of what people say about a picture a caption says.

        Args:
            candidate: Tokens of the caption.
            references: Tokens of the human captions.

        Returns:
            A score from 0 to 10; 0 where one picture is all there is: its words all have the
            document frequency 1.
        """
        mine = self._weigh(candidate)
        return 10.0 * fmean(mine.similarity(self._weigh(human)) for human in references)

    def _weigh(self, caption: Sequence[str]) -> "_Weighted":
        return _Weighted.of(ngrams(caption), self._frequency, self._log_pictures)


def cider_d(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> list[float]:
    """CIDEr-D of each candidate, document frequencies taken from the references.

    Args:
        candidates: Tokens of one caption per picture.
        references: Tokens of the human captions per picture.

    Raises:
        ValueError: If the lengths differ, or a picture has no reference.
    """
    check_pairs(candidates, references)
    metric = CiderD(references)
    return [metric.score(mine, human) for mine, human in zip(candidates, references, strict=True)]


def by_consensus(pictures: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Order each picture's captions by their CIDEr-D against its others, the highest first.

    Args:
        pictures: The human captions per picture.
    """
    tokens = [[caption_tokens(caption) for caption in captions] for captions in pictures]
    metric = CiderD(tokens)
    ordered = []
    for captions, words in zip(pictures, tokens, strict=True):
        scores = [
            metric.score(mine, [*words[:place], *words[place + 1 :]]) if len(words) > 1 else 0.0
            for place, mine in enumerate(words)
        ]
        ranked = sorted(range(len(captions)), key=lambda place: -scores[place])
        ordered.append(tuple(captions[place] for place in ranked))
    return ordered


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


def ngrams(tokens: Sequence[str]) -> Counter[Ngram]:
    """How often each run of 1 to 4 words occurs."""
    return Counter(
        tuple(tokens[start : start + length])
        for length in range(1, LONGEST_NGRAM + 1)
        for start in range(len(tokens) - length + 1)
    )


def check_pairs(candidates: Sequence[object], references: Sequence[Sequence[object]]) -> None:
    """See that each caption has references.

    Raises:
        ValueError: If the lengths differ, or a picture has no reference.
    """
    if len(candidates) != len(references) or not all(references):
        raise ValueError(
            f"each of {len(candidates)} captions needs its references, got "
            f"{sum(1 for group in references if group)} groups that are not empty"
        )
