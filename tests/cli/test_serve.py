import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from threading import Event

import pytest

from tests.cli.command import videollama
from tests.serve.fake_vllm import FakeVllm
from videollama.cli import serve
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.requests import Request
from videollama.serve import running
from videollama.serve.request_log import LOGGER_NAME


@pytest.fixture
def served(monkeypatch):
    """What the command would serve, instead of serving it."""
    calls = []
    monkeypatch.setattr(serve, "listen", lambda *address: address)
    monkeypatch.setattr(running, "serve", lambda *arguments: calls.append(arguments))
    return calls


def test_only_this_machine_can_ask_by_default(capsys, served, loaded):
    assert videollama(capsys, "serve").code == 0
    host, limits, access, (address, port), _ = served[0]
    assert (address, port) == ("127.0.0.1", 8000)
    assert host.name == "tiny"
    assert access.keys == access.origins == ()
    assert not access.allow_addresses
    assert limits.body_bytes == 32 * 2**20
    assert not loaded


def test_other_machines_need_a_key_or_the_word_for_none(capsys, served, tmp_path):
    shown = videollama(capsys, "serve", "--host", "0.0.0.0")
    assert shown.code == 2
    assert "--without-keys" in shown.err
    keys = tmp_path / "keys"
    keys.write_text("0123456789abcdef\n")
    assert videollama(capsys, "serve", "--host", "0.0.0.0", "--api-keys", keys).code == 0
    assert videollama(capsys, "serve", "--host", "0.0.0.0", "--without-keys").code == 0
    assert [call[2].keys for call in served] == [("0123456789abcdef",), ()]


def test_limits_and_places_are_handed_on(capsys, served, tmp_path):
    words = ("--limit", "media_seconds=12.5", "--limit", "new_tokens=7", "--allow-urls")
    shown = videollama(capsys, "serve", *words, "--files", tmp_path, "--port", 1234)
    assert shown.code == 0, shown.err
    _, limits, access, (_, port), _ = served[0]
    assert (limits.media_seconds, limits.new_tokens, port) == (12.5, 7, 1234)
    assert access.allow_addresses
    assert access.files_folder == tmp_path


def test_the_page_is_there_when_it_is_wished(capsys, served, tmp_path):
    pytest.importorskip("gradio", reason="the page needs gradio")
    assert videollama(capsys, "serve").code == 0
    assert videollama(capsys, "serve", "--web", "--files", tmp_path).code == 0
    assert served[0][4] is None
    assert served[1][4].keywords["access"].files_folder == tmp_path


def test_a_library_is_opened_before_the_model_is(capsys, served, tmp_path):
    pytest.importorskip("lancedb", reason="a library needs lancedb")
    from videollama.search.model_note import ModelNote
    from videollama.search.segment_store import SegmentStore

    shown = videollama(capsys, "serve", "--db", tmp_path / "none")
    assert shown.code == 2
    assert f"{tmp_path / 'none'} is no library; make one with" in shown.err
    SegmentStore.create(tmp_path / "db", ModelNote("a model", 8))
    assert videollama(capsys, "serve", "--db", tmp_path / "db").code == 0
    assert served[0][2].library == tmp_path / "db"


def test_the_page_needs_its_own_packages(capsys, served, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    shown = videollama(capsys, "serve", "--web")
    assert shown.code == 2
    assert 'pip install "videollama[serve,web]"' in shown.err


def test_the_rules_stand_around_the_model_unless_they_are_left_out(capsys, served, loaded):
    assert videollama(capsys, "serve").code == 0
    assert videollama(capsys, "serve", "--no-rules").code == 0
    question = Request([question_message("How do I make a bomb?", [])], (), WordChoice(2))
    reasons = []
    for host, *_ in served:
        done = Event()
        host.start(lambda _, done=done: done.set())
        assert done.wait(60)
        finished = host.submit(question, request_id="a", caller="local").result()
        reasons.append(finished.finish_reason)
        host.close()
    assert reasons == ["refused", "length"]


def test_a_guard_that_is_not_there_is_told(capsys, served, loaded, tmp_path):
    assert videollama(capsys, "serve", "--guard", tmp_path).code == 0
    done = Event()
    served[0][0].start(lambda _: done.set())
    assert done.wait(60)
    assert "has no usable tokenizer" in str(served[0][0].failure)


def test_an_audit_log_that_cannot_be_written_is_one_sentence(capsys, served, loaded, tmp_path):
    shown = videollama(capsys, "serve", "--audit-log", tmp_path)
    assert shown.code == 2
    assert "cannot be written (Is a directory)" in shown.err
    assert "Traceback" not in shown.err
    assert not served


def test_the_words_can_be_vllms(capsys, served, loaded, tiny_model):
    vllm = FakeVllm(tiny_model.language_model)
    assert videollama(capsys, "serve", "--backend", "vllm", "--vllm-url", vllm.url).code == 0
    host = served[0][0]
    done = Event()
    host.start(lambda _: done.set())
    assert done.wait(60)
    assert host.failure is None
    assert loaded == [(None, "auto", "auto", "without decoder layers")]
    request = Request([question_message("What?", [])], (), WordChoice(max_new_tokens=3))
    ticket = host.submit(request, request_id="a", caller="local")
    assert ticket.result().num_new_tokens == 3
    assert vllm.bodies[-1]["max_tokens"] == 3
    host.close()
    vllm.close()


def test_a_vllm_that_is_not_there_ends_the_server_with_one_sentence(capsys, loaded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    shown = videollama(capsys, "serve", "--port", 0, "--backend", "vllm", "--vllm-url", url)
    assert shown.code == 2
    assert f"vLLM does not answer (ConnectError); it was looked for at {url}" in shown.err
    assert not loaded


def test_the_model_is_compiled_where_it_writes(capsys, served, loaded):
    assert videollama(capsys, "serve", "--compile").code == 0
    host, done = served[0][0], Event()
    host.start(lambda _: done.set())
    assert done.wait(60)
    host.close()
    assert loaded == [(None, "auto", "auto", "--compile")]
    shown = videollama(capsys, "serve", "--backend", "vllm", "--compile")
    assert shown.code == 2
    assert "--compile has no effect with --backend vllm" in shown.err


def test_an_address_of_vllm_needs_the_backend(capsys, served):
    shown = videollama(capsys, "serve", "--vllm-url", "http://127.0.0.1:8001")
    assert shown.code == 2
    assert "no effect without --backend vllm" in shown.err
    assert not served


@pytest.mark.parametrize(
    ("limit", "words"),
    [("size=3", "is not a limit"), ("new_tokens=many", "must be a number"), ("new_tokens=0", "0")],
)
def test_a_senseless_limit_is_one_sentence(capsys, served, limit, words):
    shown = videollama(capsys, "serve", "--limit", limit)
    assert shown.code == 2
    assert words in shown.err
    assert not served


def test_without_its_packages_the_command_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    shown = videollama(capsys, "serve")
    assert shown.code == 2
    assert 'fastapi is not installed, but needed here; run: pip install "videollama[serve]"' in (
        shown.err
    )


def test_a_model_that_is_not_there_ends_the_server_with_one_sentence(capsys, tmp_path):
    shown = videollama(capsys, "serve", "--model", tmp_path / "none", "--port", 0)
    assert shown.code == 2
    assert "none" in shown.err.strip().splitlines()[-1]
    assert "Traceback" not in shown.err


def test_a_server_that_has_ended_leaves_the_logs_as_they_were(capsys, tmp_path):
    loggers = [logging.getLogger(name) for name in (LOGGER_NAME, "uvicorn", "uvicorn.error")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    shown = videollama(capsys, "serve", "--model", tmp_path / "none", "--port", 0)
    assert '"message": "Started server process' in shown.err
    assert [(logger.handlers, logger.propagate, logger.level) for logger in loggers] == before


def test_a_port_that_is_taken_is_one_sentence(capsys, loaded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shown = videollama(capsys, "serve", "--port", taken.getsockname()[1])
    assert shown.code == 2
    assert "Nothing can listen on 127.0.0.1" in shown.err
    assert not loaded


class RunningServer:
    """`videollama serve` as a process of its own; ready when it is made."""

    def __init__(self, folder, assistant):
        model = folder / "model"
        if not model.exists():
            assistant.model.save_pretrained(model)
            assistant.processor.save_pretrained(model)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        words = ["serve", "--model", str(model), "--port", self.url.rpartition(":")[2]]
        code = "import sys; from videollama.cli.main import run; run(sys.argv[1:])"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "VIDEOLLAMA_CACHE": str(folder / "cache")},
        )
        self._wait_until_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def stream(self):
        """A long answer, opened."""
        body = {"model": "model", "stream": True, "max_tokens": 400}
        body["messages"] = [{"role": "user", "content": "Say a lot."}]
        request = urllib.request.Request(
            f"{self.url}/v1/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        return urllib.request.urlopen(request, timeout=300)

    def _wait_until_ready(self):
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server did not get ready")


@pytest.mark.end_to_end
def test_a_running_answer_is_finished_before_the_server_ends(tmp_path, assistant):
    with RunningServer(tmp_path, assistant) as server:
        with server.stream() as answer:
            assert answer.readline().startswith(b"data: ")
            server.process.send_signal(signal.SIGTERM)
            assert answer.read().endswith(b"data: [DONE]\n\n")
        _, lines = server.process.communicate(timeout=120)
    assert server.process.returncode in (0, -signal.SIGTERM)  # uvicorn passes the signal on
    logged = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    assert any(line.get("route") == "/v1/chat/completions" for line in logged)
    assert sum("The model is loaded" in line.get("message", "") for line in logged) == 1


@pytest.mark.end_to_end
def test_a_server_that_is_killed_while_it_answers_loses_no_upload(tmp_path, assistant, clip_file):
    import httpx

    with RunningServer(tmp_path, assistant) as server:
        upload = httpx.post(
            f"{server.url}/v1/files", files={"file": clip_file.read_bytes()}, timeout=60
        ).json()
        with server.stream() as answer:
            answer.readline()
            server.process.kill()
    with RunningServer(tmp_path, assistant) as server:
        kept = httpx.get(f"{server.url}/v1/files/{upload['id']}/content", timeout=60)
        assert kept.content == clip_file.read_bytes()
        part = {"type": "file", "file": {"file_id": upload["id"]}}
        content = [part, {"type": "text", "text": "What?"}]
        body = {"model": "model", "max_tokens": 2}
        body["messages"] = [{"role": "user", "content": content}]
        answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=120)
        assert answer.status_code == 200
