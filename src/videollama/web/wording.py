"""The page's words in every language, one file each in `languages/`."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Wording:
    """The words of one language.

    Attributes:
        code: "en", "zh".
        name: What its speakers call it.
        texts: The page's texts by key, with `{placeholders}`.
        sentences: Sentences of the package as English templates, and what they become.
    """

    code: str
    name: str
    texts: Mapping[str, str]
    sentences: Mapping[str, str]

    def text(self, key: str, **values: object) -> str:
        """A text of the page with its placeholders filled in."""
        return self.texts[key].format(**values)

    def sentence(self, english: str) -> str:
        """An error or a warning of the package in this language, or as it is if it is not known."""
        for template, translation in self.sentences.items():
            match = _pattern(template).fullmatch(english)
            if match is not None:
                return translation.format(**match.groupdict())
        return english


@cache
def wordings() -> dict[str, Wording]:
    """Every language by its code, English first."""
    found = {}
    for file in files("videollama.web").joinpath("languages").iterdir():
        code = file.name.removesuffix(".toml")
        words = tomllib.loads(file.read_text(encoding="utf-8"))
        found[code] = Wording(code, words["name"], words["texts"], words.get("sentences", {}))
    return {code: found[code] for code in sorted(found, key=lambda code: (code != "en", code))}


def preferred_language(accept_language: str) -> str:
    """The language that a browser likes best of those there are.

    Args:
        accept_language: The header of that name, for example "zh-CN,zh;q=0.9,en;q=0.8".

    Returns:
        A code; "en" where nothing fits.
    """
    wishes = []
    for position, wish in enumerate(accept_language.split(",")):
        tag, _, weight = wish.partition(";q=")
        code = tag.strip().lower().split("-")[0]
        if code in wordings():
            wishes.append((-_number(weight), position, code))
    return min(wishes)[2] if wishes else "en"


def _number(weight: str) -> float:
    try:
        return float(weight or 1)
    except ValueError:
        return 0.0


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """What a template's sentences look like, a group for every placeholder."""
    words = _PLACEHOLDER.split(template)  # text and names take turns
    parts = [
        f"(?P<{word}>.+?)" if number % 2 else re.escape(word) for number, word in enumerate(words)
    ]
    return re.compile("".join(parts), re.DOTALL)
