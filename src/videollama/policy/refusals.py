"""What is said in place of an answer, in the language of the question: `refusals.toml`."""

import re
import tomllib
from functools import cache
from importlib.resources import files

_HAN = re.compile(r"[\u3400-\u9fff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")


def refusal(reason: str, question: str) -> str:
    """The sentence for a `Decision.reason`, in the language of the question."""
    texts = _texts()
    return texts.get(reason, texts["other"])[language_of(question)]


def language_of(text: str) -> str:
    """The code "zh" for a text with Chinese characters and no Japanese or Korean, else "en"."""
    return "zh" if _HAN.search(text) and not _KANA_OR_HANGUL.search(text) else "en"


@cache
def _texts() -> dict[str, dict[str, str]]:
    file = files("videollama.policy").joinpath("refusals.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
