"""Links instead of files."""

import shutil
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from tests.web.test_page import CHOICES
from videollama.errors import InputError
from videollama.web.backend import PageLimits
from videollama.web.handlers import Handlers
from videollama.web.layout import lay_out
from videollama.web.session import Session


@pytest.fixture(scope="module")
def parts():
    with gr.Blocks(analytics_enabled=False):
        return lay_out(PageLimits(), with_links=True)


@pytest.fixture
def do(backend, parts, clip_file, tmp_path):
    def fetch(address, target):
        if "gone" in address:
            raise InputError("link: the address was not fetched: it answers with status 404.")
        shutil.copy(clip_file, target)

    return Handlers(replace(backend, fetch=fetch), parts, tmp_path)


def test_a_link_is_opened_under_its_name(do, tmp_path):
    session = Session()
    address = " https://films.example/a%20dog/%2E%2E%2Frun.mp4?key=1 "
    problem, _, facts, *_ = do.open_link(address, session, "en", *CHOICES)
    assert problem == ""
    assert "run.mp4" in facts
    assert session.file.is_relative_to(tmp_path)


def test_the_next_link_removes_the_file_of_the_last(do):
    session = Session()
    do.open_link("https://films.example/a.mp4", session, "en", *CHOICES)
    first = session.file
    do.open_link("https://films.example/b.mp4", session, "en", *CHOICES)
    assert not first.exists()
    assert session.file.name == "b.mp4"


def test_a_link_that_gives_nothing_is_a_sentence_and_leaves_no_file_of_before(do):
    session = Session()
    do.open_link("https://films.example/a.mp4", session, "en", *CHOICES)
    problem, sheet, *_ = do.open_link("https://films.example/gone.mp4", session, "en", *CHOICES)
    assert "it answers with status 404" in problem
    assert not sheet["visible"]
    assert session.file is None


@pytest.mark.parametrize("address", ["", "https://[", "https://films.example/"])
def test_an_address_without_a_name_gets_one(do, address):
    session = Session()
    do.open_link(address, session, "en", *CHOICES)
    assert Path(session.file).name == "file"


def test_without_room_nothing_is_fetched(backend, parts, tmp_path):
    limits = replace(backend.limits, stored_bytes=1)
    full = Handlers(replace(backend, fetch=lambda *_: None, limits=limits), parts, tmp_path)
    problem, *_ = full.open_link("https://films.example/a.mp4", Session(), "en", *CHOICES)
    assert "no room for more files" in problem


def test_links_are_not_opened_unless_they_are_allowed(backend, parts, tmp_path):
    problem, *_ = Handlers(backend, parts, tmp_path).open_link(
        "https://a.example/b", Session(), "en"
    )
    assert "Links are not opened here" in problem
