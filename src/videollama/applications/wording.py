"""What can be read off a sentence of the model: who does what, and how many."""

import re

_NUMBERS = {
    "a": 1, "an": 1, "another": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_ONE = (
    "man|woman|boy|girl|child|kid|baby|toddler|infant|person|guy|lady|gentleman|adult|teenager|"
    "player|skier|snowboarder|skateboarder|surfer|swimmer|cyclist|biker|rider|runner|climber|hiker|"
    "dancer|singer|worker|performer|golfer|fisherman|motorcyclist|cowboy|clown|soldier"
)
_MANY = (
    "men|women|boys|girls|children|kids|babies|toddlers|infants|people|persons|guys|ladies|adults|"
    "teenagers|players|skiers|snowboarders|skateboarders|surfers|swimmers|cyclists|bikers|riders|"
    "runners|climbers|hikers|dancers|singers|workers|performers|golfers|fishermen|motorcyclists|"
    "cowboys|clowns|soldiers"
)
_DEFINITE = ("the", "this", "that", "these", "those", "his", "her", "their")
_BETWEEN = rf"(?!(?:and|or|with|in|on|at|of|by|to|is|are|{'|'.join([*_NUMBERS, *_DEFINITE])})\b)"
_SOMEBODY = re.compile(
    rf"\b(?:({'|'.join([*_NUMBERS, *_DEFINITE])}|\d+)\s+)?"
    rf"(?:{_BETWEEN}[a-z-]+\s+){{0,3}}?({_ONE}|{_MANY})\b(?!'s)"
)
_UNCOUNTED = re.compile(r"\b(?:group|crowd|team|couple|pair|family|several|some|many|lots|few)\b")
_CHINESE_NUMBERS = {
    "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
    "十": 10,
}  # fmt: skip
_SOMEBODY_CHINESE = re.compile(
    rf"([{''.join(_CHINESE_NUMBERS)}]|\d+)(?:个|名|位)(?:[^，。；、和与]{{0,8}}?)"
    r"(?:人|孩|婴儿|先生|女士|运动员|球员|骑手|选手|工人|士兵)"
)
_UNCOUNTED_CHINESE = re.compile("一(?:群|些|队|伙)|几[个名位]|许多|很多|人们|人群")
_DOING_CHINESE = re.compile(
    "正?在(?:[^，。；]*?[上里中下边前后])?([^，。；]+)(?<![上里中下边前后])(?=[，。；]|$)"
)
_DONE = re.compile(r"\b(?:is|are) ([a-z]{2,}ing\b[^.,;]*)")
_DOING = re.compile(r"\b((?!(?:wearing|during|something|nothing|being)\b)[a-z]{2,}ing\b[^.,;]*)")


def people_count(description: str) -> int | None:
    """How many people a description speaks of: 3 for "A man and two girls are singing.".

    Args:
        description: Of one scene.

    Returns:
        None where it speaks of none, or does not say how many ("people", "a crowd").
    """
    text = " ".join(description.lower().split())
    if _UNCOUNTED.search(text) or _UNCOUNTED_CHINESE.search(text):
        return None
    chinese = _SOMEBODY_CHINESE.findall(text)
    if chinese:
        return sum(_CHINESE_NUMBERS.get(number) or int(number) for number in chinese)
    count = 0
    for match in _SOMEBODY.finditer(text):
        number = match[1]
        if number in _DEFINITE and count:
            continue  # spoken of before
        if number is None and count and text[: match.start()].endswith(" and "):
            number = "a"  # "a man and woman"
        if number is None or number in _DEFINITE:
            return None
        count += int(number) if number.isdigit() else _NUMBERS[number]
    return count or None


def action(description: str) -> str | None:
    """What a description says is done: "riding a bike" for "A man is riding a bike.".

    Returns:
        From the first word in -ing, or from what follows 在, to the end of its clause; None where
        there is none.
    """
    text = " ".join(description.lower().split())
    match = _DONE.search(text) or _DOING.search(text) or _DOING_CHINESE.search(text)
    return match[1].strip() if match else None
