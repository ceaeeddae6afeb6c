"""The page in a real browser, as a visitor uses it."""

from urllib.parse import urlsplit

import pytest

from tests.web.visitor import WRITING, ask, button, cut, drop, stop_while_it_writes

pytestmark = pytest.mark.browser

FOCUSED = """() => {
  const it = document.activeElement, label = it.closest("label");
  const styles = [it, label].filter(Boolean).map((each) => getComputedStyle(each));
  if (it !== document.body && styles.every((style) => style.outlineStyle === "none"))
    return "NOT SEEN " + it.outerHTML.slice(0, 80);
  return it.getAttribute("aria-label") || it.innerText || it.id || it.type || "";
}"""


def answers(tab):
    return tab.locator("#chat [data-testid=bot] .message-content").all_inner_texts()


def test_a_clip_is_uploaded_and_asked_about_twice(visit, clip_file, assistant, page_address):
    tab = visit()
    drop(tab, clip_file)
    assert "video · 2.0 s · 8 frames · with sound" in tab.locator("#facts").inner_text()
    assert tab.locator("#sheet img").get_attribute("alt") == "What the model gets of the file"
    basis = ask(tab, "What <b>moves</b>?")
    assert "8 frames from 0.0 to 1.7 s · 2.0 s of sound" in basis
    ask(tab, "And then?")
    assert len(answers(tab)) == 2
    assert "What <b>moves</b>?" in tab.locator("#chat").inner_text()
    hosts = {
        urlsplit(url).netloc for url in tab.requested if not url.startswith(("data:", "blob:"))
    }
    assert hosts == {urlsplit(page_address).netloc}


@pytest.mark.usefixtures("unhurried")
def test_an_answer_is_streamed_stopped_and_tried_again(visit, clip_file):
    tab = visit()
    drop(tab, clip_file)
    tab.get_by_role("button", name="Settings").click()
    length = tab.get_by_label("number input for Longest answer")
    length.fill("256")
    length.press("Tab")
    tab.locator("#question textarea").fill("What moves?")
    button(tab, "Ask").click()
    stop_while_it_writes(tab)
    length.fill("8")
    length.press("Tab")
    button(tab, "Try again").click()
    tab.get_by_text("answered in").wait_for()
    assert tab.get_by_text("stopped after").count() == 0
    assert len(answers(tab)) == 1
    button(tab, "Start over").click()
    tab.get_by_text("Choose a file, then ask about it.").wait_for()


def test_every_bad_file_is_a_sentence_and_the_page_goes_on(visit, bad_files, clip_file):
    tab = visit()
    for name, reason in (
        ("text", "text.mp4 is not a video, image or sound that can be read"),
        ("empty", "empty.mp4 is empty (zero bytes)"),
        ("cut", "cut.mp4 is not a video, image or sound that can be read"),
        ("large", "large.mp4 has 1.0 MB"),
    ):
        tab.locator("#upload input[type=file]").set_input_files(bad_files[name])
        tab.get_by_role("alert").get_by_text(reason).wait_for()
        assert "Traceback" not in tab.locator("body").inner_text()
        tab.locator("#upload").get_by_label("Clear").click()
        tab.locator("#problem p").wait_for(state="detached")
    drop(tab, clip_file)
    assert tab.locator("#sheet img").is_visible()


def test_a_chinese_browser_on_a_phone(visit, clip_file):
    tab = visit(language="zh-CN", width=390, height=844)
    button(tab, "提问").wait_for()
    drop(tab, clip_file)
    assert "用时" in ask(tab, "What moves?")
    assert tab.evaluate("document.documentElement.lang") == "zh"
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.get_by_label("English").check()
    button(tab, "Ask").wait_for()
    tab.get_by_text("answered in").wait_for()


def test_two_visitors_keep_their_conversations_apart(visit, clip_file, mute_file):
    first, second = visit(), visit()
    drop(first, clip_file)
    drop(second, mute_file)
    first.locator("#question textarea").fill("What moves here?")
    first.keyboard.press("Enter")
    assert "no sound track" in ask(second, "And what moves there?")
    first.get_by_text("answered in").wait_for()
    assert "there" not in first.locator("#chat").inner_text()
    assert "s of sound" in first.get_by_text("answered in").inner_text()


@pytest.mark.usefixtures("unhurried")
def test_two_visitors_are_answered_at_the_same_time(visit, clip_file, mute_file):
    tabs = visit(), visit()
    for tab, file in zip(tabs, (clip_file, mute_file), strict=True):
        drop(tab, file)
        tab.locator("#question textarea").fill("What moves?")
        tab.keyboard.press("Enter")
    for tab in tabs:
        tab.wait_for_function(WRITING)
    assert not any(tab.get_by_text("answered in").count() for tab in tabs)
    for tab in tabs:
        button(tab, "Stop").click()
        tab.get_by_text("stopped after").wait_for()


def test_the_page_can_be_used_with_the_keyboard_alone(visit):
    tab = visit()
    names = set()
    for _ in range(30):
        tab.keyboard.press("Tab")
        names.add(tab.evaluate(FOCUSED).strip())
    assert not [name for name in names if name.startswith("NOT SEEN")]
    assert {"A video", "A picture", "A sound", "Ask"} <= names


def test_the_examples_and_the_suggestions_need_no_typing(visit):
    tab = visit()
    button(tab, "A picture").click()
    tab.locator("#sheet img").wait_for()
    button(tab, "Describe the video.").click()
    tab.get_by_text("1 picture · answered in").wait_for()


def test_a_camera_is_watched_and_asked_about(visit):
    """Chromium's own moving picture stands for a camera."""
    tab = visit(permissions=["camera", "microphone"])
    tab.get_by_role("tab", name="Live").click()
    assert "What is seen will stand here" in tab.locator("#live-lines").inner_text()
    tab.locator("#live-alerts textarea").fill("a\nb\nc\nd\ne")
    tab.get_by_role("button", name="Click to Access Webcam").click()
    tab.locator("#live-camera button", has_text="Record").click()
    tab.locator("#live-trouble", has_text="at most 4 can be").wait_for()
    tab.locator("#live-alerts textarea").fill("a dog")
    tab.locator("#live-lines .seen").first.wait_for()
    tab.locator("#live-question textarea").fill("What moves?")
    tab.keyboard.press("Enter")
    tab.locator("#live-lines .answer", has_text="What moves?").wait_for()
    tab.get_by_text("中文").click()
    tab.get_by_role("tab", name="实时").wait_for()
    assert tab.locator("#live-lines .answer").count() == 1


def test_a_whole_file_is_gone_through_written_about_and_cut(visit, long_file):
    tab = visit()
    drop(tab, long_file)
    tab.get_by_role("tab", name="The whole file").click()
    button(tab, "Go through the file, scene by scene").click()
    scenes = tab.frame_locator("#scenes-page iframe")
    scenes.locator("h1", has_text="long.mp4").wait_for()
    assert scenes.locator("article").count() >= 1
    tab.get_by_label("long.srt").wait_for()
    tab.get_by_role("button", name="Write about it").click()
    button(tab, "Write").click()
    tab.locator("#story-text .story").wait_for()
    cut(tab, "a square", 3)
    assert tab.get_by_role("tab", name="Search").count() == 0


def test_on_a_phone_what_a_button_gives_stands_right_below_it(visit, long_file):
    tab = visit(width=390, height=844)
    drop(tab, long_file)
    tab.get_by_role("tab", name="The whole file").click()

    def gap(pressed, shown):
        """Pixels between a button and what came of it."""
        shown.wait_for()
        above, below = pressed.bounding_box(), shown.bounding_box()
        return below["y"] - above["y"] - above["height"]

    go = button(tab, "Go through the file, scene by scene")
    go.click()
    assert 0 <= gap(go, tab.locator("#scenes-page iframe")) < 60
    tab.get_by_role("button", name="Cut out the best moments").click()
    tab.locator("#cut-query textarea").fill("?!")
    button(tab, "Cut").click()
    assert 0 <= gap(button(tab, "Cut"), tab.get_by_role("alert")) < 60
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
