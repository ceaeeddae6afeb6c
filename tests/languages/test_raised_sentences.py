"""Every sentence that the package raises, read from its source, and whether Chinese knows it."""

import ast
import re
from itertools import product
from pathlib import Path

import pytest

import videollama
from videollama import errors
from videollama.languages.catalogue import wording

SOURCE = Path(videollama.__file__).parent
ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.VideoLlamaError)
}
CHINESE = re.compile("[一-鿿]")
EXCEPTIONS = {
    # Two sentences put together, or a place and a sentence: these are looked up by themselves.
    "X1; X2.",
    "X1 X2",
    "X1: X2",
    "X1: X2 X3.",
    "X1: X2: X3X4.",
    "--set X1: X2.",
    # For those who write programs: what is asked of a plug-in of lmms-eval.
    "videollama writes answers; choose a task whose output_type is that.",
    "videollama answers one question at a time; choose another task.",
}


def wordings_of(message):
    """A message with X1, X2, … for what is filled in; a choice between texts gives both."""
    if isinstance(message, ast.Constant):
        return [str(message.value)]
    if isinstance(message, ast.JoinedStr):
        return ["".join(each) for each in product(*map(wordings_of, message.values))]
    if isinstance(message, ast.BinOp):
        return [
            "".join(each) for each in product(wordings_of(message.left), wordings_of(message.right))
        ]
    if isinstance(message, ast.FormattedValue):
        return wordings_of(message.value)
    if isinstance(message, ast.IfExp):
        return wordings_of(message.body) + wordings_of(message.orelse)
    return ["\0"]


def numbered(text):
    parts = text.split("\0")
    return parts[0] + "".join(f"X{number}{part}" for number, part in enumerate(parts[1:], 1))


def raised_sentences():
    """File, line and sentence of every error that is made with a text of its own."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            message = node.args[0]
            if name in ERRORS and isinstance(message, ast.Constant | ast.JoinedStr | ast.BinOp):
                place = file.relative_to(SOURCE).as_posix()
                for sentence in map(numbered, wordings_of(message)):
                    yield place, node.lineno, sentence


@pytest.fixture(scope="module")
def sentences():
    return list(raised_sentences())


def test_the_source_is_found(sentences):
    assert len(sentences) > 400
    assert any("holds nothing that can be seen or heard" in text for *_, text in sentences)


def test_chinese_knows_what_is_raised(sentences):
    chinese = wording("zh")
    for_users = [each for each in sentences if each[2] not in EXCEPTIONS]
    unknown = [each for each in for_users if not CHINESE.search(chinese.sentence(each[2]))]
    # One in twenty may be too new to be translated.
    assert len(unknown) <= len(for_users) / 20, unknown


def test_the_exceptions_are_raised(sentences):
    assert not EXCEPTIONS - {sentence for *_, sentence in sentences}


def test_nothing_that_is_filled_in_gets_lost(sentences):
    chinese = wording("zh")
    for place, line, sentence in sentences:
        translated = chinese.sentence(sentence)
        if translated != sentence:
            lost = set(re.findall(r"X\d+", sentence)) - set(re.findall(r"X\d+", translated))
            assert not lost, (place, line, sentence, translated)


def said_phrases():
    """File, line and English of every phrase that the command or a page looks up."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", None))
                message = node.args[0]
                if name in ("say", "phrase") and isinstance(message, ast.Constant | ast.IfExp):
                    for english in wordings_of(message):
                        yield file.name, node.lineno, english


def test_chinese_knows_what_the_command_says():
    said = list(said_phrases())
    assert len(said) >= 90
    assert not [each for each in said if each[2] not in wording("zh").phrases]
