import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from importlib.util import find_spec

import pytest

from tests.cli.command import videollama
from videollama.serve import running


@pytest.fixture
def served(monkeypatch):
    """What the command would serve, instead of serving it."""
    calls = []
    monkeypatch.setattr(running, "serve", lambda *arguments: calls.append(arguments))
    return calls


def test_only_this_machine_can_ask_by_default(capsys, served, loaded):
    assert videollama(capsys, "serve").code == 0
    host, limits, access, address, port = served[0]
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
    _, limits, access, _, port = served[0]
    assert (limits.media_seconds, limits.new_tokens, port) == (12.5, 7, 1234)
    assert access.allow_addresses
    assert access.files_folder == tmp_path


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
    from videollama.cli import serve

    monkeypatch.setattr(
        serve, "find_spec", lambda name: None if name == "fastapi" else find_spec(name)
    )
    shown = videollama(capsys, "serve")
    assert shown.code == 2
    assert 'pip install "videollama[serve]"' in shown.err


def test_a_model_that_is_not_there_ends_the_server_with_one_sentence(capsys, tmp_path):
    shown = videollama(capsys, "serve", "--model", tmp_path / "none", "--port", 0)
    assert shown.code == 2
    assert "none" in shown.err.strip().splitlines()[-1]
    assert "Traceback" not in shown.err


def test_a_port_that_is_taken_is_one_sentence(capsys, loaded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shown = videollama(capsys, "serve", "--port", taken.getsockname()[1])
    assert shown.code == 2
    assert "choose another" in shown.err


@pytest.mark.end_to_end
def test_a_running_answer_is_finished_before_the_server_ends(tmp_path, assistant):
    folder = tmp_path / "model"
    assistant.model.save_pretrained(folder)
    assistant.processor.save_pretrained(folder)
    port = _free_port()
    words = ["serve", "--model", str(folder), "--port", str(port)]
    code = "import sys; from videollama.cli.main import run; run(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "VIDEOLLAMA_CACHE": str(tmp_path / "cache")},
    )
    try:
        _wait_until_ready(port)
        body = {"model": "model", "stream": True, "max_tokens": 400}
        body["messages"] = [{"role": "user", "content": "Say a lot."}]
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            first = answer.readline()
            threading.Thread(target=process.send_signal, args=(signal.SIGTERM,)).start()
            rest = answer.read()
        assert first.startswith(b"data: ")
        assert rest.endswith(b"data: [DONE]\n\n")
        _, lines = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    logged = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    assert any(line.get("route") == "/v1/chat/completions" for line in logged)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_ready(port: int) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not get ready")
