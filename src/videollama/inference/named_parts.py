"""The part of a file that an English question names: "between 1:00 and 1:30".

What is matched is narrow on purpose. A question with times of another kind ("at 5:30 pm"), or with
several parts, names no part.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = rf"(?:\d+(?:\.\d+)?|{'|'.join(_WORDS)})"
_HOURS, _MINUTES, _SECONDS = r"h(?:ours?|rs?)?\b", r"m(?:in(?:ute)?s?)?\b", r"s(?:ec(?:ond)?s?)?\b"
_AND = r"[\s,-]*(?:and\s+)?"

_CLOCK = r"(?:\d{1,2}:)?\d{1,3}:[0-5]\d(?:\.\d+)?"
_AMOUNT = "|".join(  # the units in falling order, so that "1 minute and 90 seconds" are two times
    rf"{_NUMBER}[\s-]*{_AND.join(units)}"
    for units in (
        (_HOURS, rf"{_NUMBER}[\s-]*{_MINUTES}", rf"{_NUMBER}[\s-]*{_SECONDS}"),
        (_HOURS, rf"{_NUMBER}[\s-]*{_MINUTES}"),
        (_MINUTES, rf"{_NUMBER}[\s-]*{_SECONDS}"),
        (_HOURS,),
        (_MINUTES,),
        (_SECONDS,),
    )
)
_COUNTED = rf"(?:second|minute)s?\s+{_NUMBER}\b"  # "from second 10 to second 20"
_NO_TIME_OF_DAY = r"(?![\d:]|\s*(?:[ap]\.?m\b|o'?clock))"
_TIME = rf"(?:{_CLOCK}|{_AMOUNT}|{_COUNTED}){_NO_TIME_OF_DAY}"
_FIRST = rf"(?:the\s+)?(?:very\s+)?first\s+(?P<first>{_AMOUNT}|minute\b|hour\b)"
_RANGE = rf"(?P<start>{_TIME})%s(?P<end>{_TIME})"
_RANGE_OF_NUMBERS = rf"(?P<number>{_NUMBER})%s(?P<end>(?:{_AMOUNT}){_NO_TIME_OF_DAY})"
_BETWEEN = r"\s+and\s+"
_TO = r"\s*(?:to|until|till|through|[-\u2013])\s*"

_MAY_NAME_A_TIME = re.compile(r"\d|sec|min|h(?:ou)?r", re.IGNORECASE)
_PARTS = (  # compiled by the first question that may name a part: that takes a fifth of a second
    rf"\bbetween\s+{_RANGE % _BETWEEN}",
    rf"\bbetween\s+{_RANGE_OF_NUMBERS % _BETWEEN}",
    rf"\bfrom\s+{_RANGE % _TO}",
    rf"\bfrom\s+{_RANGE_OF_NUMBERS % _TO}",
    rf"(?<![\d:.])(?P<start>{_CLOCK}){_TO}(?P<end>{_CLOCK}){_NO_TIME_OF_DAY}",
    rf"\b(?P<after>after|since)\s+{_FIRST}",
    rf"\b(?:after|since)\s+(?P<start>{_TIME})",
    rf"\bfrom\s+(?P<start>{_TIME})\s+on(?:wards?)?\b",
    rf"\b(?:before|until|till|up\s+to)\s+(?P<end>{_TIME})",
    rf"\b{_FIRST}",
)


_PREPOSITION = re.compile(r"between|from|after|since|before|until|till|up", re.IGNORECASE)
_LED_BY = re.compile(r"\b(?:in|at|during|within|over)\s+$", re.IGNORECASE)
_WHOLE = re.compile(r"\s+of\s+(?:the|this)\s+\w+", re.IGNORECASE)


class NamedPart(NamedTuple):
    """From `start_seconds`, or the beginning, to `end_seconds`, or the end."""

    start_seconds: float | None
    end_seconds: float | None


def part_named_in(question: str) -> NamedPart | None:
    """The one part of a file that a question names, or None.

    A start and an end may be named apart, as in "after 1:00 and before 1:30".
    """
    parts = list(_parts(question))
    starts = [part for part in parts if part.end_seconds is None]
    ends = [part for part in parts if part.start_seconds is None]
    if len(starts) == len(ends) == 1 and len(parts) == 2:
        return NamedPart(starts[0].start_seconds, ends[0].end_seconds)
    return parts[0] if len(parts) == 1 else None


def without_named_part(question: str) -> str:
    """What is asked about the part: "What happens?" of "What happens between 1:00 and 1:30?".

    A model that gets the part alone knows nothing of what is around it. Where the times are no
    adverb, as in "Describe the first minute.", the question stays as it is.
    """
    rest = question
    for found in sorted(_matches(question), key=lambda match: match.start(), reverse=True):
        before, after = rest[: found.start()], rest[found.end() :]
        if led := _LED_BY.search(before):
            before = before[: led.start()]
        elif not _PREPOSITION.match(found[0]):
            return question
        if whole := _WHOLE.match(after):
            after = after[whole.end() :]
        rest = before + after
    rest = re.sub(r"\s+and\s*(?=[?.!]|$)", "", rest)  # it joined a start and an end
    rest = re.sub(r"\s+(?=[?.!,])", "", " ".join(rest.split())).lstrip(" ,")
    return rest[0].upper() + rest[1:] if re.search(r"\w", rest) else question


def _parts(question: str) -> Iterator[NamedPart]:
    for match in _matches(question):
        yield _part(match.groupdict())


def _matches(question: str) -> Iterator[re.Match[str]]:
    """Where parts are named, each piece of the text used once."""
    if not _MAY_NAME_A_TIME.search(question):
        return
    rest = question
    for pattern in _PARTS:
        while match := re.search(pattern, rest, re.IGNORECASE):
            rest = rest[: match.start()] + "\n" * len(match[0]) + rest[match.end() :]
            yield match


def _part(found: dict[str, str | None]) -> NamedPart:
    start, end, first = found.get("start"), found.get("end"), found.get("first")
    if first is not None:
        length = _seconds(first if first[0].isdigit() or " " in first else f"one {first}")
        return NamedPart(length, None) if found.get("after") else NamedPart(None, length)
    if end is not None and (number := found.get("number")) is not None:
        unit = re.search(rf"{_NUMBER}[\s-]*([hms])", end, re.IGNORECASE)
        start = f"{number} {unit[1]}" if unit else None
    return NamedPart(
        None if start is None else _seconds(start), None if end is None else _seconds(end)
    )


def _seconds(time: str) -> float:
    """Seconds of "1:30", "1 minute 30 seconds", "90 s" or "second 90"."""
    if ":" in time:
        total = 0.0
        for piece in time.split(":"):
            total = 60 * total + float(piece)
        return total
    counted = re.fullmatch(rf"([sm])\w*\s+({_NUMBER})", time, re.IGNORECASE)
    pairs = (
        [(counted[2], counted[1])]
        if counted
        else re.findall(rf"({_NUMBER})[\s-]*([hms])", time, re.IGNORECASE)
    )
    return sum(_number(number) * _UNITS[unit.lower()] for number, unit in pairs)


def _number(text: str) -> float:
    word = text.lower()
    return float(_WORDS[word]) if word in _WORDS else float(text)
