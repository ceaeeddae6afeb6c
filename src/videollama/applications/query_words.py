"""Which words of a query stand in what the model says of a moment."""

import re

_LITTLE_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an the this that these those some any and or of in on at to by with from for into over "
        "under is are was were be been being it its his her their who what where when there here "
        "as near next while",
    )
)
_ENDINGS = ("ing", "ies", "es", "ed", "s", "e")
_SHORTEST_STEM = 3


def content_words(text: str) -> dict[str, str]:
    """The words of a text that carry its meaning.

    Args:
        text: English.

    Returns:
        Stem to word, in order: {"dog": "dogs", "runn": "running"}. Stems only serve to be compared.
    """
    words = re.findall(r"[^\W\d_]+", text.lower())
    return {_stem(word): word for word in words if word not in _LITTLE_WORDS}


def words_in_common(query: str, text: str) -> tuple[str, ...]:
    """The content words of a query that a text has too, in any form: "dogs" for "dog"."""
    wanted, there = content_words(query), content_words(text)
    return tuple(word for stem, word in wanted.items() if stem in there)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word.removesuffix(ending)
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2]:
        word = word[:-1]  # running, run
    return word
