"""The page inside the server, in a real browser."""

import pytest

pytest.importorskip("fastapi", reason="the server needs the extra [serve]")

from tests.web.served import served
from tests.web.visitor import ask, button, cut, drop, stop_while_it_writes
from videollama.serve.limits import Limits

pytestmark = pytest.mark.browser
KEY = "a-key-of-a-test-1"


@pytest.fixture(scope="module")
def address(assistant, tmp_path_factory):
    limits = Limits(requests_per_minute=10_000, upload_bytes=10**6, media_seconds=4, new_tokens=40)
    with served(assistant, tmp_path_factory.mktemp("served"), limits) as address:
        yield address


def test_the_page_answers_inside_the_server(open_page, address, clip_file):
    tab = open_page(f"{address}/web")
    drop(tab, clip_file)
    assert "8 frames from 0.0 to 1.7 s · 2.0 s of sound" in ask(tab, "What moves?")
    ask(tab, "And then?")
    assert all(url.startswith((address, "data:", "blob:")) for url in tab.requested)


@pytest.mark.usefixtures("unhurried")
def test_every_field_works_inside_the_server(open_page, address, clip_file):
    tab = open_page(f"{address}/web", language="zh-CN")
    button(tab, "提问").wait_for()
    tab.get_by_label("English").check()
    button(tab, "Ask").wait_for()
    drop(tab, clip_file)
    tab.locator("#question textarea").fill("What moves?")
    tab.keyboard.press("Enter")
    stop_while_it_writes(tab)
    button(tab, "Try again").click()
    tab.get_by_text("answered in").wait_for()
    button(tab, "A picture").click()
    tab.locator("#facts").get_by_text("lion.jpg").wait_for()
    assert tab.get_by_text("Error", exact=True).count() == 0


def test_what_the_server_refuses_is_a_sentence_on_the_page(
    open_page, address, bad_files, long_file
):
    tab = open_page(f"{address}/web")
    for file, reason in (
        (bad_files["text"], "text.mp4 is not a video, image or sound that can be read"),
        (long_file, "long.mp4: it lasts 6 s, and at most 4 s are read"),
    ):
        tab.locator("#upload input[type=file]").set_input_files(file)
        tab.get_by_role("alert").get_by_text(reason).wait_for()
        tab.locator("#upload").get_by_label("Clear").click()
        tab.locator("#problem p").wait_for(state="detached")
    tab.locator("#upload input[type=file]").set_input_files(bad_files["large"])
    tab.get_by_text("1 MB").first.wait_for()


def test_where_keys_are_set_the_browser_asks_for_one(open_page, assistant, tmp_path, clip_file):
    with served(assistant, tmp_path, keys=(KEY,)) as address:
        with pytest.raises(Exception, match="INVALID_AUTH_CREDENTIALS"):
            open_page(f"{address}/web")  # there is nobody to type one
        password = {"username": "me", "password": KEY}
        tab = open_page(f"{address}/web", http_credentials=password)
        drop(tab, clip_file)
        assert "answered in" in ask(tab, "What moves?")


def test_a_whole_file_is_gone_through_and_cut_inside_the_server(open_page, address, clip_file):
    tab = open_page(f"{address}/web")
    drop(tab, clip_file)
    tab.get_by_role("tab", name="The whole file").click()
    button(tab, "Go through the file, scene by scene").click()
    tab.frame_locator("#scenes-page iframe").locator("h1").wait_for()
    cut(tab, "a square", 1)
    tab.locator("#cut-query textarea").fill("?!")
    button(tab, "Cut").click()
    tab.get_by_role("alert").get_by_text("holds no word").wait_for()
