"""Whether a text says only what its facts say."""

import re
from collections.abc import Iterable

from videollama.applications.query_words import content_words

# What any text about a clip may say: of the clip as such, and words that tell nothing.
_OF_THE_CLIP = (
    "video clip scene film image picture shows show seen see sees hear hears heard sound sounds "
    "background then while later after before during also another both together one two three "
    "he him she they them we us you your i my our not no so but if can could will would has have "
    "had do does did just very up down out off about all more there s t m ll re ve d"
)
_LITTLE_CHARACTERS = frozenset(
    "的了在是有和与着一个这那里中上下们他她它我你您不也就都到从被把而及或又还正很请吗呢吧啊之其"
    "个只名位段幅听见看到声音视频画面场景"
)
_HAN = re.compile("[\u4e00-\u9fff]")


def ungrounded_words(text: str, facts: Iterable[str]) -> tuple[str, ...]:
    """The words of a text that no fact has in any form.

    A word is looked for by its stem, a Chinese text character by character. Words without a meaning
    of their own, and those of any text about a clip ("video", "hear"), need no fact.

    Args:
        text: English or Chinese.
        facts: What may be said.

    Returns:
        Each once, in order; empty for a text that is grounded.
    """
    known = " ".join(facts)
    allowed = content_words(f"{known} {_OF_THE_CLIP}").keys()
    latin = _HAN.sub(" ", text)
    words = [word for stem, word in content_words(latin).items() if stem not in allowed]
    there = set(_HAN.findall(known)) | _LITTLE_CHARACTERS
    return (*words, *dict.fromkeys(each for each in _HAN.findall(text) if each not in there))
