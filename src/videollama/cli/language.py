"""In which language the command speaks: `--language`, VIDEOLLAMA_LANGUAGE, or the locale.

English needs no file of words, so it costs nothing.
"""

import os
import re
from typing import TYPE_CHECKING, Any

import typer

from videollama.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videollama.inference.engine import VideoLlama
    from videollama.languages.catalogue import Wording

OPTION = "--language"
VARIABLE = "VIDEOLLAMA_LANGUAGE"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX: the first that is set
_PANELS = ("ARGUMENTS_PANEL_TITLE", "OPTIONS_PANEL_TITLE", "COMMANDS_PANEL_TITLE")
_STRINGS = ("DEFAULT_STRING", "REQUIRED_LONG_STRING", "ERRORS_PANEL_TITLE")
_current = "en"


def words(code: str | None = None) -> "Wording":
    """The words of a language; of the command's if absent."""
    from videollama.languages.catalogue import wording

    return wording(_current if code is None else _code(code))


def say(english: str) -> str:
    """A phrase or a template in the command's language."""
    return english if _current == "en" else words().phrase(english)


def explain(sentence: str) -> str:
    """An error or a warning in the command's language."""
    return sentence if _current == "en" else words().sentence(sentence)


def written(wanted: str | None, assistant: "VideoLlama") -> str:
    """The language that a model is to write: `wanted`, or the command's if the model knows it.

    Raises:
        InputError: There is no such language, or the model is not known to know it.
    """
    from videollama.languages.catalogue import wording

    if wanted is None:
        return _current if assistant.knows_language(_current) else "en"
    code = wording(_code(wanted)).code
    if code != "en" and not assistant.knows_language(code):
        raise InputError(
            f"The model does not know {code}; leave --language out, or choose a model that does "
            "(--model)."
        )
    return code


def begin(arguments: "Sequence[str]") -> None:
    """Takes the language that `--language` before the verb names, or that of the environment.

    Raises:
        InputError: There is no such language.
    """
    wanted = _option(arguments) or os.environ.get(VARIABLE)
    if wanted:
        speak(_code(wanted))
        return
    locale = next((value for name in _LOCALE if (value := os.environ.get(name))), "en")
    speak(_code(locale) if _is_known(_code(locale)) else "en")


def speak(code: str) -> None:
    """Takes a language.

    Raises:
        InputError: There is no such language.
    """
    global _current  # one process speaks to one person
    if code != "en":
        from videollama.languages.catalogue import wording

        wording(code)
    _current = code


def translate_help(command: Any) -> None:
    """Puts what a command, its options and the commands below it say of themselves into words.

    Args:
        command: Typer's, freshly made.
    """
    if _current == "en":
        return
    from typer import rich_utils

    for name in (*_PANELS, *_STRINGS):
        setattr(rich_utils, name, say(getattr(rich_utils, name)))
    _translate(command, typer.Context(command, **command.context_settings))


def _translate(command: Any, context: typer.Context) -> None:
    if command.help:
        command.help = "\n\n".join(map(_paragraph, command.help.split("\n\n")))
    for parameter in [*command.params, command.get_help_option(context)]:
        if getattr(parameter, "help", None):
            parameter.help = _breakable(say(parameter.help))
    for inner in getattr(command, "commands", {}).values():
        _translate(inner, typer.Context(inner, parent=context))


def _paragraph(text: str) -> str:
    """One paragraph of a help text; examples are not in the list of words and stay."""
    flat = " ".join(text.split())
    translated = say(flat)
    return text if translated == flat else translated


def _breakable(text: str) -> str:
    """With places where the table of options may break a line; it knows none but blanks."""
    return re.sub("(?<=[，；。：])(?=[^（）])|(?=（)", " ", text)


def _option(arguments: "Sequence[str]") -> str | None:
    """What `--language` before the verb names."""
    words_before = iter(arguments)
    for word in words_before:
        if word == OPTION:
            return next(words_before, None)
        if word.startswith(f"{OPTION}="):
            return word.removeprefix(f"{OPTION}=")
        if not word.startswith("-"):
            break
    return None


def _code(name: str) -> str:
    """The language of a locale: "zh" of "zh_CN.UTF-8"."""
    return name.replace("-", "_").split("_")[0].split(".")[0].lower()


def _is_known(code: str) -> bool:
    from videollama.languages.catalogue import codes

    return code == "en" or code in codes()
