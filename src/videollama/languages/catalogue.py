"""The words of the page and of the command in every language, one file each beside this one."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from videollama.errors import InputError

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_SUFFIX = ".toml"
_INNER = ("reason", "remedy")
_CUT = (("", ""), ("", "."), ("… ", ""), ("… ", "."))  # a sentence may lack its subject and its end


@dataclass(frozen=True)
class Wording:
    """The words of one language.

    Attributes:
        code: "en", "zh".
        name: What its speakers call it.
        texts: The page's texts by key, with `{placeholders}`.
        sentences: Sentences of the package as English templates, and what they become, those with
            the most words of their own first. `{reason}` and `{remedy}` are sentences again.
        phrases: What the command and its reports say in English, and what it becomes.
    """

    code: str
    name: str
    texts: Mapping[str, str]
    sentences: Mapping[str, str] = field(default_factory=dict)
    phrases: Mapping[str, str] = field(default_factory=dict)

    def text(self, key: str, **values: object) -> str:
        """A text of the page with its placeholders filled in."""
        return self.texts[key].format(**values)

    def phrase(self, english: str) -> str:
        """A phrase or a template of the command in this language; as it is if it is not known."""
        return self.phrases.get(english, english)

    def sentence(self, english: str) -> str:
        """An error or a warning of the package in this language, or as it is if it is not known.

        Args:
            english: May have a place in front ("a.csv, line 3: …"), and lack its subject or its
                full stop.
        """
        for before, after in _CUT:
            found = self._translated(f"{before}{english}{after}")
            if found is not None:
                return found.removesuffix("。") if after else found
        place, colon, rest = english.partition(": ")
        told = self.sentence(rest) if colon else rest
        return english if told == rest else f"{place}: {told}"

    def _translated(self, english: str) -> str | None:
        for template, translation in self.sentences.items():
            match = _pattern(template).fullmatch(english)
            if match is not None:
                values = match.groupdict()
                values |= {name: self.sentence(values[name]) for name in _INNER if name in values}
                return translation.format(**values)
        return None


@cache
def codes() -> tuple[str, ...]:
    """The code of every language, English first."""
    names = (file.name for file in files("videollama.languages").iterdir())
    found = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
    return tuple(sorted(found, key=lambda code: (code != "en", code)))


@cache
def wording(code: str) -> Wording:
    """The words of a language.

    Raises:
        InputError: There is no such language.
    """
    if code not in codes():
        raise InputError(f"{code!r} is not a language of videollama; use {' or '.join(codes())}.")
    file = files("videollama.languages").joinpath(code + _SUFFIX)
    words = tomllib.loads(file.read_text(encoding="utf-8"))
    return Wording(
        code,
        words["name"],
        words["texts"],
        dict(sorted(words.get("sentences", {}).items(), key=_num_own_letters, reverse=True)),
        words.get("phrases", {}),
    )


@cache
def wordings() -> dict[str, Wording]:
    """Every language by its code, English first."""
    return {code: wording(code) for code in codes()}


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
        if code in codes():
            wishes.append((-_number(weight), position, code))
    return min(wishes)[2] if wishes else "en"


def _number(weight: str) -> float:
    try:
        return float(weight or 1)
    except ValueError:
        return 0.0


def _num_own_letters(sentence: tuple[str, str]) -> int:
    """Of a template, without its placeholders: the more, the less it fits by chance."""
    return len(_PLACEHOLDER.sub("", sentence[0]))


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """What a template's sentences look like, a group for every placeholder."""
    words = _PLACEHOLDER.split(template)  # text and names take turns
    parts = [
        f"(?P<{word}>.*?)" if number % 2 else re.escape(word) for number, word in enumerate(words)
    ]
    return re.compile("".join(parts), re.DOTALL)
