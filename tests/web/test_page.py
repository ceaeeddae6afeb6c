"""The page below the browser: what its fields do, without a server."""

import gradio as gr
import pytest

from videollama.languages.catalogue import wordings
from videollama.web.backend import PageLimits
from videollama.web.handlers import Handlers
from videollama.web.layout import SUGGESTIONS, lay_out
from videollama.web.live_view import LiveView
from videollama.web.page import build_page, page_look
from videollama.web.session import Session

CHOICES = (8, 0, 0, True, 8, False)  # as the browser sends them


@pytest.fixture(scope="module")
def parts():
    with gr.Blocks(analytics_enabled=False):
        return lay_out(PageLimits())


@pytest.fixture
def do(backend, parts, tmp_path):
    return Handlers(backend, parts, tmp_path)


def shown(talk):
    """The conversation, the trouble, and whether send, stop, retry, clear can be pressed."""
    messages, _, trouble, *buttons = talk
    return messages, trouble, [button["interactive"] for button in buttons]


def test_a_file_is_opened_and_its_frames_are_shown(do, clip_file):
    problem, sheet, facts, *_ = do.open(str(clip_file), Session(), "en", *CHOICES)
    assert problem == ""
    assert sheet["visible"]
    assert "moving square.mp4" in facts


@pytest.mark.parametrize("content", ["AAAAA", "/9j/4AAQ*SkZJRg==", "图片"])
def test_a_camera_picture_that_is_damaged_on_its_way_is_one_sentence(do, caplog, content):
    address = f"data:image/jpeg;base64,{content}"
    trouble, _ = do.see({"url": address}, "", LiveView(), "en")
    assert "What the camera sent is no picture; turn it off and on again." in trouble
    assert not caplog.records, "it is no defect of ours"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", "text.mp4 is not a video, image or sound that can be read"),
        ("empty", "empty.mp4 is empty (zero bytes)"),
        ("cut", "cut.mp4 is not a video, image or sound that can be read"),
        ("large", "large.mp4 has 1.0 MB, and files of up to 1 MB are taken"),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_name(do, bad_files, name, reason):
    problem, sheet, facts, *_ = do.open(str(bad_files[name]), Session(), "en", *CHOICES)
    assert problem.startswith(f'<p role="alert">{reason}')
    assert (sheet["visible"], facts) == (False, "")


def test_a_bad_file_leaves_no_file_of_before(do, bad_files, clip_file):
    session = Session()
    do.open(str(clip_file), session, "en", *CHOICES)
    do.open(str(bad_files["large"]), session, "en", *CHOICES)
    _, trouble, _ = shown(list(do.ask("What?", session, "en", *CHOICES))[-1])
    assert "No file is chosen" in trouble


@pytest.mark.parametrize("open_example", ["open_video", "open_picture", "open_sound"])
def test_the_examples_are_there_without_a_network(do, open_example):
    problem, sheet, _, *_ = getattr(do, open_example)(Session(), "en", *CHOICES)
    assert problem == ""
    assert sheet["visible"]


def test_while_an_answer_is_written_only_stop_can_be_pressed(do, clip_file):
    session = Session()
    do.open(str(clip_file), session, "en", *CHOICES)
    states = [shown(talk) for talk in do.ask("What?", session, "en", *CHOICES)]
    assert all(pressable == [False, True, False, False] for *_, pressable in states[:-1])
    assert states[-1][2] == [True, False, True, True]
    assert len(states[-1][0]) == 3


def test_a_failed_question_comes_back_into_its_field(do, clip_file):
    session = Session()
    do.open(str(clip_file), session, "zh", *CHOICES)
    late = (8, 60.0, None, True, 8, False)
    talk = list(do.ask("What?", session, "zh", *late))[-1]
    assert talk[1] == "What?"
    assert "超出文件末尾" in talk[2]


def test_a_defect_leaves_the_page_usable(do, clip_file, monkeypatch, caplog):
    session = Session()
    do.open(str(clip_file), session, "en", *CHOICES)

    def fail(*_):
        raise ZeroDivisionError("divided")

    monkeypatch.setattr(session, "_read", fail)
    messages, trouble, pressable = shown(list(do.ask("What?", session, "en", *CHOICES))[-1])
    assert messages == []
    assert "failed for a reason that is not yours" in trouble
    assert "divided" not in trouble
    assert pressable[0]
    assert "ZeroDivisionError" in caplog.text


def test_a_new_language_reaches_every_field_and_the_conversation(do, parts, clip_file):
    session = Session()
    do.open(str(clip_file), session, "en", *CHOICES)
    list(do.ask("What?", session, "en", *CHOICES))
    updates = do.reword(session, LiveView(), "zh")
    words = wordings()["zh"].texts
    fields = dict(zip(parts.worded, updates, strict=False))
    assert fields["send"]["value"] == words["send"]
    assert fields["frames"]["label"] == words["frames"]
    assert fields["question"]["placeholder"] == words["question_hint"]
    assert fields["language"]["value"] == "zh"
    assert "有声音" in updates[len(fields) + 2]
    assert "用时" in updates[len(fields) + 3][2]["metadata"]["title"]
    assert fields["live_tab"]["label"] == words["live_tab"]
    assert words["live_nothing"] in updates[-1]


def test_the_fields_take_no_more_than_the_limits():
    with gr.Blocks(analytics_enabled=False):
        parts = lay_out(PageLimits(num_frames=4, max_new_tokens=7))
    assert (parts.frames.maximum, parts.frames.value) == (4, 4)
    assert (parts.length.minimum, parts.length.maximum, parts.length.value) == (6, 7, 7)
    with pytest.raises(gr.Error):
        parts.frames.preprocess(5)


def test_every_field_has_a_label_or_words(parts):
    assert set(parts.worded) <= set(wordings()["en"].texts)
    assert [button.value for button in parts.suggestions] == list(SUGGESTIONS)


def test_nothing_on_the_page_tells_the_world(backend):
    page = build_page(backend)
    look = page_look(backend.limits)
    assert page.analytics_enabled is False
    assert look["footer_links"] == []
    assert "http" not in look["css"]
    assert "google" not in "".join(look["theme"]._stylesheets)


def test_several_visitors_are_answered_together_and_the_others_wait_in_line(backend):
    page = build_page(backend)
    limits = {
        function.concurrency_limit
        for function in page.fns.values()
        if function.concurrency_id == "answers"
    }
    assert limits == {8}
    assert page._queue.max_size == 32


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_question_in_a_language_that_the_model_does_not_know_is_refused(do, clip_file, language):
    session = Session()
    do.open(str(clip_file), session, language, *CHOICES)
    _, trouble, _ = shown(list(do.ask("你听到了什么？", session, language, *CHOICES))[-1])
    assert "这个模型不懂中文，只懂英语" in trouble
    assert session.turns == []
