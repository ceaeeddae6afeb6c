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


ABSENT = "没有问题和回答"


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("has no question and answer", ABSENT),
        ("a.jsonl, line 3: has no question and answer", f"a.jsonl, line 3: {ABSENT}"),
        (
            "skipped a.jsonl, line 3: has no question and answer",
            f"已跳过 a.jsonl, line 3：{ABSENT}",
        ),
        ("a.mp4 does not exist; check the name", "a.mp4 不存在；请检查名称"),
        ("is empty (zero bytes); it may not have been fully copied.", "… 是空文件"),
        (
            "a.json cannot be read: No such file or directory.",
            "无法读取 a.json：没有这个文件或文件夹。",
        ),
        (
            "c could not be written: permission is denied; choose another place.",
            "无法写入 c：没有权限；请",
        ),
    ],
)
def test_sentences_within_sentences_and_parts_of_them_are_known(english, chinese):
    assert wordings()["zh"].sentence(english).startswith(chinese)


def test_the_template_with_the_most_words_of_its_own_is_taken():
    words = wordings()["zh"]
    english = "a.mp4 holds nothing that can be seen or heard; check it in a player."
    assert words.sentence(english) == "a.mp4 中没有可看或可听的内容；请用播放器检查它。"
    lengths = [len(re.sub(r"\{\w+\}", "", template)) for template in words.sentences]
    assert lengths == sorted(lengths, reverse=True)


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
