import re

import pytest

from videollama.errors import VideoLlamaError
from videollama.web.session import Session, Settings
from videollama.web.wording import preferred_language, wordings

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


def sentence_about(backend, file, settings):
    with pytest.raises(VideoLlamaError) as error:
        Session().open(backend, file, settings)
    return str(error.value)


@pytest.mark.parametrize("name", ["text", "empty", "cut"])
def test_what_is_wrong_with_a_file_is_said_in_chinese(backend, bad_files, name):
    sentence = sentence_about(backend, bad_files[name], Settings())
    chinese = wordings()["zh"].sentence(sentence)
    assert str(bad_files[name]) in chinese
    assert "文件" in chinese or "图片" in chinese


@pytest.mark.parametrize(
    "settings",
    [
        Settings(start_seconds=60),
        Settings(start_seconds=1, end_seconds=0.5),
        Settings(start_seconds=-1),
        Settings(num_frames=32, start_seconds=1e9),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_in_chinese(backend, clip_file, settings):
    sentence = sentence_about(backend, clip_file, settings)
    assert re.search("[一-鿿]", wordings()["zh"].sentence(sentence))


def test_what_is_not_known_stays_as_it_is():
    assert wordings()["zh"].sentence("Something new happened.") == "Something new happened."
    assert wordings()["en"].sentence("a is empty.") == "a is empty."
