"""In which script a question is written, and the refusal to those whose language is not known.

Scripts are told apart, not languages: German asked of a model that knows English passes.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

_LETTERS_PER_IDEOGRAPH = 2  # a Chinese word has about two characters, an English one four
_LETTERS_PER_COMMON_WORD = 10  # one of these and a few foreign names is a question in English
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_COMMON = re.compile(
    r"\b(?:what|who|whom|whose|which|where|when|why|how|is|are|was|were|do|does|did|can|could|"
    r"the|this|that|there|and|or|of|in|on|with|about|describe|tell|show|count|list|name|say|says)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Script:
    """A script that is not Latin.

    Attributes:
        languages: Codes of the languages that are written in it; the refusal is in the first.
        letters: Matches one of its letters.
        refusal: Says that the language is not known, and which are: `{known}`.
        names: What speakers of the first language call languages, by their codes.
        weight: How many Latin letters one of its letters counts for.
    """

    languages: tuple[str, ...]
    letters: re.Pattern[str]
    refusal: str
    names: dict[str, str]
    weight: int = 1

    def refuse(self, known: Collection[str]) -> str:
        """The refusal of a model that knows these languages, in the asker's language."""
        return self.refusal.format(known=", ".join(self.names.get(code, code) for code in known))


SCRIPTS = (
    Script(
        ("ja",),
        re.compile("[\u3040-\u30ff\uff66-\uff9f]"),
        "このモデルは日本語を理解しません。理解する言語: {known}。その言語で質問してください。",
        {"en": "英語", "zh": "中国語"},
        _LETTERS_PER_IDEOGRAPH,
    ),
    Script(
        ("ko",),
        re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
        "이 모델은 한국어를 모릅니다. 아는 언어: {known}. 그 언어로 질문해 주세요.",
        {"en": "영어", "zh": "중국어"},
        _LETTERS_PER_IDEOGRAPH,
    ),
    Script(
        ("zh", "ja"),
        re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
        "这个模型不懂中文，只懂{known}；请用{known}提问，或换一个懂中文的模型。",
        {"en": "英语", "zh": "中文"},
        _LETTERS_PER_IDEOGRAPH,
    ),
    Script(
        ("ru", "uk", "be", "bg", "sr", "mk", "kk", "mn"),
        re.compile("[\u0400-\u052f]"),
        "Эта модель не знает этого языка; она знает {known}. Задайте вопрос на нём.",
        {"en": "английский", "zh": "китайский"},
    ),
    Script(
        ("ar", "fa", "ur", "ps"),
        re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]"),
        "هذا النموذج لا يفهم هذه اللغة؛ اللغات التي يفهمها: {known}. اطرح سؤالك بها.",
        {"en": "الإنجليزية", "zh": "الصينية"},
    ),
    Script(
        ("he", "yi"),
        re.compile("[\u0590-\u05ff]"),
        "המודל הזה אינו מבין עברית; השפות שהוא מבין: {known}. נא לשאול בהן.",
        {"en": "אנגלית", "zh": "סינית"},
    ),
    Script(
        ("hi", "mr", "ne"),
        re.compile("[\u0900-\u097f]"),
        "यह मॉडल यह भाषा नहीं समझता; यह समझता है: {known}। कृपया उसी में पूछें।",
        {"en": "अंग्रेज़ी", "zh": "चीनी"},
    ),
    Script(
        ("th",),
        re.compile("[\u0e00-\u0e7f]"),
        "โมเดลนี้ไม่เข้าใจภาษาไทย ภาษาที่เข้าใจ: {known} โปรดถามด้วยภาษานั้น",
        {"en": "อังกฤษ", "zh": "จีน"},
    ),
    Script(
        ("el",),
        re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
        "Αυτό το μοντέλο δεν καταλαβαίνει ελληνικά· καταλαβαίνει: {known}. Ρωτήστε σε αυτή.",
        {"en": "αγγλικά", "zh": "κινεζικά"},
    ),
)


def script_of(text: str) -> Script | None:
    """The script that a text is mostly written in.

    Quoted names do not count, and common English words count for more than foreign names: "Who is
    毛泽东?" is English.

    Returns:
        None for Latin script and for text without letters (numbers, emoji).
    """
    unquoted = re.sub(r"[\"“「『«‹‘][^\"”」』»›’]*[\"”」』»›’]", " ", text)
    heard = unquoted if re.search(r"\w", unquoted) else text
    latin = len(_LATIN.findall(heard)) + _LETTERS_PER_COMMON_WORD * len(_COMMON.findall(heard))
    counts = [script.weight * len(script.letters.findall(heard)) for script in SCRIPTS]
    japanese, chinese = counts[0], counts[2]
    if japanese and 4 * japanese >= chinese:  # kana between Han characters
        counts[0], counts[2] = japanese + chinese, 0
    most = max(counts)
    return SCRIPTS[counts.index(most)] if most > latin else None


def refusal_of(text: str, known: Collection[str] | None) -> str | None:
    """Why a model cannot be asked this, in the asker's language.

    Args:
        text: The question.
        known: Codes of the languages that the model knows; None where that is not declared, and
            then nothing is refused.

    Returns:
        One sentence; None where the question may be asked.
    """
    script = script_of(text) if known is not None else None
    if script is None or known is None or set(script.languages) & set(known):
        return None
    return script.refuse(known)
