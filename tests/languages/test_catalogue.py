import re

import pytest

from videollama.errors import InputError
from videollama.languages import catalogue
from videollama.languages.catalogue import preferred_language, wording, wordings

LANGUAGES = sorted(wordings())


def placeholders(text):
    return sorted(set(re.findall(r"\{(\w+)\}", text)))


def test_english_comes_first():
    assert list(wordings()) == ["en", "zh"]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_every_text_with_the_same_placeholders(code):
    english, other = wordings()["en"].texts, wordings()[code].texts
    assert list(other) == list(english)
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_translation_of_a_sentence_fills_in_only_what_the_sentence_has(code):
    for english, translation in wordings()[code].sentences.items():
        assert set(placeholders(translation)) <= set(placeholders(english)), english


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("de,fr;q=0.9", "en"),
        ("de,zh-TW;q=0.5,en;q=0.4", "zh"),
        ("en;q=0.1,zh;q=0.2", "zh"),
        ("zh;q=oops,en;q=0.2", "en"),
        ("", "en"),
    ],
)
def test_the_browser_says_which_language_it_likes(header, code):
    assert preferred_language(header) == code


def test_what_is_not_known_stays_as_it_is():
    assert wordings()["zh"].sentence("Something new happened.") == "Something new happened."
    assert wordings()["en"].sentence("a is empty.") == "a is empty."


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_translation_of_a_phrase_fills_in_what_the_phrase_has(code):
    fields = re.compile(r"\{\w*(?::[^}]*)?\}")
    for english, translation in wordings()[code].phrases.items():
        assert sorted(fields.findall(translation)) == sorted(fields.findall(english)), english


def test_a_language_that_there_is_not_is_named_with_those_there_are():
    with pytest.raises(InputError, match="'xx' is not a language of videollama; use en or zh"):
        wording("xx")


def test_adding_a_language_is_one_file(tmp_path, monkeypatch, capsys):
    """French in one file: the page offers it, the browser may ask for it, the command speaks it."""
    from typer import rich_utils

    from tests.cli.command import videollama

    for name in ("en", "zh"):
        source = catalogue.files("videollama.languages") / f"{name}.toml"
        (tmp_path / f"{name}.toml").write_bytes(source.read_bytes())
    english = (tmp_path / "en.toml").read_text(encoding="utf-8")
    french = english.replace('name = "English"', 'name = "Français"').replace('"Ask"', '"Demander"')
    phrases = '[phrases]\n"Print the version." = "Affiche la version."\n"Options" = "Choix"\n'
    (tmp_path / "fr.toml").write_text(f"{french}\n{phrases}", encoding="utf-8")
    monkeypatch.setattr(catalogue, "files", lambda _: tmp_path)
    monkeypatch.setattr(rich_utils, "OPTIONS_PANEL_TITLE", "Options")
    caches = (catalogue.codes, catalogue.wording, catalogue.wordings)
    for each in caches:
        each.cache_clear()
    try:
        assert list(wordings()) == ["en", "fr", "zh"]
        assert wordings()["fr"].text("send") == "Demander"
        assert preferred_language("fr-CA,en;q=0.5") == "fr"
        shown = videollama(capsys, "--language", "fr", "--help")
        assert "Affiche la version." in shown.out
        assert "Choix" in shown.out
        assert "Answer a question about videos" in shown.out
    finally:
        for each in caches:
            each.cache_clear()
