"""A few rules for requests that are clear at a glance; what is in doubt passes.

Who a person is: only what is seen is told, whoever is shown. Where a person lives, how to make a
bomb, how to hurt oneself, sexual words about children: refused. Only the question is read, in
English and Chinese.
"""

import re
import unicodedata
from collections.abc import Sequence

from videollama.policy.guards import Decision, Said

NAME = "rules"

_PERSON = (
    r"(?:person|people|individual|man|men|woman|women|guy|guys|lad(?:y|ies)|gentlem[ae]n|boy|boys"
    r"|girl|girls|kid|kids|child|children|baby|actor|actress|celebrity|politician|singer|face)"
)
_THIS = r"(?:this|that|these|those|the)"
_ADJECTIVES = r"(?:\w+ ){0,2}?"
_SOMEBODY = rf"(?:{_THIS} {_ADJECTIVES}{_PERSON}|him|her|them)"
_WHERE = r"(?: (?:in|on|at|to|with|wearing|standing|sitting|here|there|shown|speaking)\b.*)?"
_END = r" ?[?.!]*$"

_IDENTITY = (
    rf"\bwho(?: is|'s|s| are|'re| was| were) (?:this|that|these|those|he|she|they|it){_END}",
    rf"\bwho(?: is|'s|s| are|'re| was| were) {_SOMEBODY}{_WHERE}{_END}",
    rf"\bwho (?:this|that|he|she|{_SOMEBODY}) (?:is|are|was|might be|could be)\b",
    rf"\bwho does {_SOMEBODY} look like",
    rf"\bnames? of {_SOMEBODY}",
    rf"\b{_THIS} {_ADJECTIVES}{_PERSON}(?:'s|s') (?:\w+ )?(?:name|identity)\b",
    r"\bwhat(?: is|'s|s| are|'re) (?:his|her|their) (?:\w+ )?names?\b",
    rf"\bwhat (?:is|are) {_SOMEBODY} called\b",
    rf"\b(?:identify|recogni[sz]e|name) {_THIS} {_ADJECTIVES}{_PERSON}\b",
    rf"\b(?:which|what) (?:famous |well-known )?{_PERSON} (?:is|are) (?:this|that|he|she){_END}",
    r"\bwhose (?:face|voice) (?:is|do)\b",
    r"\bfac(?:e|ial) recognition on\b",
    r"(?:人|男子|女子|男孩|女孩|男的|女的|他|她|他们|她们|这位|那位|演员|歌手|明星)(?:到底|究竟)?(?:是谁|叫什么)",
    r"^[这那](?:是谁|都是谁)|(?:他|她|这个?人|那个?人|这位\w{1,3})的(?:名字|姓名|身份)",
    r"(?:认识|认得|认出|识别)(?:这|那|他|她)\w{0,3}(?:人|脸|他|她|吗)",
)
_NAMED_PERSON = re.compile(  # "Is this man John Smith?", with its capitals
    rf"\b[Ii]s (?:he|she|{_SOMEBODY})(?: really)? [A-Z]\w+(?: [A-Z]\w+)+ ?\?*$"
)
_HOW_TO = (
    r"\b(?:how (?:to|do i|can i|could i|would i|do you|do we|can we|does one)"
    r"|(?:instructions|steps|recipe|a guide|a plan) (?:for|to|on))\b[^.?!]{0,40}?"
)
_BOMB = r"(?:pipe bombs?|nail bombs?|(?<!bath )bombs?|explosives?|grenades?|nerve gas|molotov)"
_HARMFUL = {
    "tracking": (
        rf"\bwhere (?:does|do) (?:he|she|{_SOMEBODY}) live\b",
        rf"\b(?:his|her|{_THIS} {_ADJECTIVES}{_PERSON}'s) "
        r"(?:home |private )?(?:address|phone number|telephone number)",
        r"(?:他|她|这个?人|那个?人|这位\w{1,3})(?:家)?住(?:在)?(?:哪|什么地方)"
        r"|(?:他|她)的(?:家庭)?(?:住址|地址|电话)",
    ),
    "weapons": (
        rf"{_HOW_TO}\b(?:make|making|build|building|assemble|construct|cook)\b[^.?!]{{0,20}}{_BOMB}\b",
        r"(?:怎么|怎样|如何)\w{0,4}(?:制作|制造|自制|做)\w{0,4}(?:炸弹|炸药|爆炸物|手榴弹|毒气)",
    ),
    "self_harm": (
        rf"{_HOW_TO}\b(?:kill|hurt|harm|cut|hang) (?:myself|yourself|ourselves)\b",
        rf"{_HOW_TO}\bcommit(?:ting)? suicide\b",
        r"\bways? to (?:kill myself|commit suicide)\b",
        r"(?:怎么|怎样|如何)\w{0,4}(?:自杀|自残)",
    ),
    "minors": (
        r"\b(?:sexual\w*|sexy|erotic\w*|porn\w*)\b[^.?!]{0,40}"
        r"\b(?:child(?:ren)?|kids?|minors?|toddlers?|bab(?:y|ies)|underage)\b",
        r"\b(?:child(?:ren)?|kids?|minors?|toddlers?|bab(?:y|ies)|underage)\b[^.?!]{0,40}"
        r"\b(?:sexual\w*|sexy|erotic\w*|porn\w*)\b",
        r"(?:色情|性感)\w{0,6}(?:儿童|孩子|小孩|未成年)|(?:儿童|孩子|小孩|未成年人?)\w{0,6}(?:色情|性感)",
    ),
}
_RULES = [
    (reason, re.compile("|".join(patterns)))
    for reason, patterns in {**_HARMFUL, "identity": _IDENTITY}.items()
]


class RuleGuard:
    """Decides by the words of the question."""

    reads_answers = False

    def check_question(self, said: Sequence[Said]) -> Decision | None:
        """Refuses a harmful request, and lets who a person is be described only."""
        reason = reason_against(said[-1].text)
        if reason is None:
            return None
        return Decision(NAME, "describe" if reason == "identity" else "refuse", reason)

    def check_answer(self, said: Sequence[Said], answer: str) -> None:
        """Lets every answer pass."""


def reason_against(question: str) -> str | None:
    """Why a question is not answered as it is: "identity", "tracking", "weapons", …; else None."""
    plain = " ".join(unicodedata.normalize("NFKC", question).replace("\u2019", "'").split())
    words = plain.lower()
    for reason, pattern in _RULES:
        if pattern.search(words):
            return reason
    return "identity" if _NAMED_PERSON.search(plain) else None
