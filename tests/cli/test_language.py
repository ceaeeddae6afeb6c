import re

import pytest
import typer
from rich.cells import cell_len
from typer import rich_utils

from tests.cli.command import videollama
from videollama.cli import language
from videollama.cli.main import app

CHINESE = re.compile("[一-鿿、]")


@pytest.fixture(autouse=True)
def english_again(monkeypatch):
    """What a Chinese call changes is taken back."""
    for name in (*language._PANELS, *language._STRINGS):
        monkeypatch.setattr(rich_utils, name, getattr(rich_utils, name))
    yield
    language.speak("en")


@pytest.fixture
def in_locale(monkeypatch):
    """Sets the variables of the locale, and no others."""

    def set_locale(**variables):
        for name in ("VIDEOLLAMA_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_locale


@pytest.mark.parametrize(
    ("variables", "is_chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, False),
        ({"LC_MESSAGES": "zh_TW", "LANG": "de_DE"}, True),
        ({"VIDEOLLAMA_LANGUAGE": "zh", "LC_ALL": "en_US"}, True),
        ({"VIDEOLLAMA_LANGUAGE": "en", "LANG": "zh_CN"}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "C"}, False),
        ({}, False),
    ],
)
def test_the_locale_chooses_the_language(in_locale, variables, is_chinese, capsys):
    in_locale(**variables)
    shown = videollama(capsys, "--help")
    assert ("就视频中看到和听到的内容提问。" in shown.out) == is_chinese
    assert ("Answer a question about videos" in shown.out) != is_chinese


def test_the_option_goes_before_the_environment(in_locale, capsys):
    in_locale(LANG="zh_CN.UTF-8")
    assert not CHINESE.search(videollama(capsys, "--language", "en", "ask", "--help").out)
    in_locale(LANG="en_US.UTF-8")
    shown = videollama(capsys, "--language=zh", "ask", "--help")
    assert "查看的帧数" in shown.out
    assert "例子：" in shown.out
    assert "videollama ask photo.jpg barking.wav" in shown.out
    assert "显示本说明并退出。" in shown.out


def test_a_language_that_there_is_not_is_refused(capsys):
    shown = videollama(capsys, "--language", "xx", "models")
    assert (shown.code, shown.out) == (2, "")
    assert "'xx' is not a language of videollama" in shown.err


def said_in_help(command):
    for paragraph in (command.help or "").split("\n\n"):
        flat = " ".join(paragraph.split())
        if flat and not flat.startswith(("videollama ", "printf ", "torchrun ")):
            yield flat
    for parameter in command.params:
        if getattr(parameter, "help", None):
            yield parameter.help
    for inner in getattr(command, "commands", {}).values():
        yield from said_in_help(inner)


def test_all_verbs_explain_themselves_in_chinese():
    language.speak("zh")
    command = typer.main.get_command(app)
    language.translate_help(command)
    # One in fifty may be too new to be translated; what people read first may not.
    texts = list(said_in_help(command))
    english = {text for text in texts if not CHINESE.search(text)}
    assert len(english) < len(texts) / 50, english
    for name in ("ask", "chat", "caption", "analyze", "subtitle", "web", "serve", "doctor"):
        assert not [text for text in said_in_help(command.commands[name]) if text in english]


def test_an_answer_is_remarked_on_in_chinese(loaded, clip_file, capsys):
    shown = videollama(capsys, "--language", "zh", "ask", clip_file, "What?", "--seed", 1)
    assert shown.code == 0
    assert re.search(r"0\.0 至 1\.\d 秒的 8 帧 · 2\.0 秒声音 · 用时 \d", shown.err)


def test_an_error_is_told_in_chinese(loaded, tmp_path, capsys):
    missing = tmp_path / "missing.mp4"
    shown = videollama(capsys, "--language", "zh", "ask", missing, "What?")
    assert (shown.code, shown.err) == (2, f"{missing} 不存在；请检查名称。\n")


def test_a_report_has_chinese_labels_around_the_models_english(loaded, clip_file, capsys):
    shown = videollama(capsys, "--language", "zh", "analyze", clip_file)
    assert shown.code == 0
    assert "场景 1" in shown.out
    assert "视频, 0:02.0, 1 个场景" in shown.out


def test_what_a_model_writes_in_chinese_is_refused_where_it_knows_none(loaded, clip_file, capsys):
    for verb in ("analyze", "caption"):
        shown = videollama(capsys, verb, clip_file, "--language", "zh")
        assert (shown.code, shown.out) == (2, "")
        assert "The model does not know zh; leave --language out" in shown.err


@pytest.mark.parametrize(
    "words", [("ask", "{}", "视频里发生了什么？"), ("caption", "{}", "--question", "是什么？")]
)
def test_a_question_in_chinese_is_refused_in_chinese(loaded, clip_file, capsys, words):
    shown = videollama(capsys, *(word.format(clip_file) for word in words))
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == "这个模型不懂中文，只懂英语；请用英语提问，或换一个懂中文的模型。\n"


def test_tables_have_straight_columns_though_characters_are_wide(capsys):
    shown = videollama(capsys, "--language", "zh", "doctor", "--estimate", "tiny")
    table = [line for line in shown.out.splitlines() if line.endswith(("4-bit", *"0123456789"))]
    assert table[1].startswith("画面")
    assert len(table) == 6
    assert {cell_len(line) for line in table} == {72}


def test_facts_about_a_file_are_told_in_chinese(clip_file, capsys):
    shown = videollama(capsys, "--language", "zh", "probe", clip_file)
    assert f"{clip_file}: 视频，2." in shown.out
    assert "  声音      有声音\n" in shown.out
    assert re.search(r"  看到      8 帧，位于 0\.00, .* 秒\n", shown.out)


def test_json_stays_english(clip_file, capsys):
    shown = videollama(capsys, "--language", "zh", "probe", clip_file, "--json")
    assert '"audio_fact": "there is sound"' in shown.out
    assert not CHINESE.search(shown.out)


def test_what_cannot_be_used_is_counted_in_chinese(loaded, clip_file, tmp_path, capsys):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    place = tmp_path / "vectors.npz"
    shown = videollama(capsys, "--language", "zh", "embed", clip_file, empty, "-o", place)
    assert shown.code == 0
    assert f"{empty} 是空文件（0 字节）" in shown.err
    assert "已生成 1 个文件的向量，1 个无法使用。" in shown.err


def test_what_is_found_is_told_in_chinese_on_the_terminal_and_on_the_page(
    loaded, clip_file, tmp_path, capsys
):
    speaking, library, page = ("--language", "zh"), tmp_path / "db", tmp_path / "found.html"
    shown = videollama(capsys, *speaking, "index", clip_file.parent, "--db", library)
    assert shown.out == "文件：新增 1 个。库中有 1 段。\n"
    search = ("search", "--video-like", clip_file, "--db", library)
    assert "     画面相似度 1.00 · 声音相似度 1.00\n" in videollama(capsys, *speaking, *search).out
    assert videollama(capsys, *speaking, *search, "--html", page).out == f"{page}\n"
    html = page.read_text(encoding="utf-8")
    assert '<html lang="zh">' in html
    assert f"<h1>与 {clip_file.name} 相似</h1>" in html
    assert "1 个时刻，最符合的在前" in html
