import socket
import sys

import pytest

from tests.cli.command import videollama
from videollama.cli import web
from videollama.errors import RefusedError

gradio = pytest.importorskip("gradio", reason="the page needs gradio")


@pytest.fixture
def launched(monkeypatch):
    """Lets the page be launched without a server; gives what it was launched with."""
    calls = []

    def launch(page, **arguments):
        page.local_url = "http://127.0.0.1:7860/"
        calls.append(arguments)

    monkeypatch.setattr(web, "listen", lambda *_: socket.socket())
    monkeypatch.setattr(gradio.Blocks, "launch", launch)
    monkeypatch.setattr(gradio.Blocks, "block_thread", lambda _: None)
    return calls


def test_the_page_is_for_this_machine_only(capsys, loaded, launched):
    shown = videollama(capsys, "web")
    assert shown.code == 0
    assert "The page is at http://127.0.0.1:7860/" in shown.err
    assert launched[0]["server_name"] == "127.0.0.1"
    assert launched[0]["share"] is False


def test_the_options_reach_the_page(capsys, loaded, launched):
    words = ("--host", "0.0.0.0", "--port", 8080, "--max-upload-mb", 5, "--model", "mine", "-q")
    shown = videollama(capsys, "web", *words, "--compile")
    assert shown.err == ""
    assert (launched[0]["server_name"], launched[0]["server_port"]) == ("0.0.0.0", 8080)
    assert launched[0]["max_file_size"] == 10 * 10**6
    assert loaded == [("mine", "auto", "auto", "--compile")]


def test_links_and_a_library_are_there_when_they_are_wished(
    capsys, loaded, launched, monkeypatch, tmp_path
):
    pytest.importorskip("lancedb", reason="a library needs lancedb")
    from videollama.search.model_note import ModelNote
    from videollama.search.segment_store import SegmentStore
    from videollama.web import page

    backends, build_page = [], page.build_page
    monkeypatch.setattr(
        page, "build_page", lambda backend: backends.append(backend) or build_page(backend)
    )
    SegmentStore.create(tmp_path / "db", ModelNote("a model", 8))
    assert videollama(capsys, "web").code == 0
    assert videollama(capsys, "web", "--allow-urls", "--db", tmp_path / "db").code == 0
    assert [each.fetch is None for each in backends] == [True, False]
    assert [each.search is None for each in backends] == [True, False]
    with pytest.raises(RefusedError, match="I do not answer this"):
        backends[1].search("how to make a bomb")
    shown = videollama(capsys, "web", "--db", tmp_path / "none")
    assert shown.code == 2
    assert "is no library; make one with" in shown.err


def test_a_port_that_is_taken_is_one_sentence(capsys, loaded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shown = videollama(capsys, "web", "--port", taken.getsockname()[1])
    assert shown.code == 2
    assert "Nothing can listen on 127.0.0.1" in shown.err
    assert not loaded
    assert "Traceback" not in shown.err


def test_without_gradio_the_line_that_installs_it_is_named(capsys, loaded, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    shown = videollama(capsys, "web")
    assert shown.code == 2
    assert 'pip install "videollama[web]"' in shown.err
    assert not loaded
