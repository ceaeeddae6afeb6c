"""A whole server with the tiny model, inside this process or on a real socket."""

import base64
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from videollama.inference.guarding import Guards
from videollama.serve.app import Access, build_app
from videollama.serve.limits import Limits
from videollama.serve.model_host import ModelHost, write_here

MODEL = "tiny"


def wait_until(holds, seconds=120.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def client_of(assistant, tmp_path_factory):
    """Gives a context: a client of a server with these limits and keys, its model loaded."""
    from contextlib import contextmanager

    @contextmanager
    def client(limits=None, access=None, load=None, begin=write_here, audit=None, guards=Guards):
        limits = limits or Limits(requests_per_minute=10_000)
        folder = tmp_path_factory.mktemp("files")
        host = ModelHost(load or (lambda: assistant), MODEL, limits, begin, audit, guards)
        app = build_app(host, limits, access or Access(files_folder=folder))
        with TestClient(app, raise_server_exceptions=False) as client:
            if load is None:
                wait_until(lambda: host.ready)
            yield client

    return client


@pytest.fixture(scope="session")
def client(client_of):
    """A client of a server with generous limits."""
    with client_of() as client:
        yield client


@pytest.fixture(scope="session")
def real_server(assistant, tmp_path_factory):
    """The address of a server on a loopback socket."""
    limits = Limits(requests_per_minute=10_000)
    host = ModelHost(lambda: assistant, MODEL, limits)
    access = Access(files_folder=tmp_path_factory.mktemp("files"))
    server = uvicorn.Server(
        uvicorn.Config(build_app(host, limits, access), port=0, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started and host.ready)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(60)


def data_url(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


@pytest.fixture(scope="session")
def video_url(clip_file) -> str:
    return data_url(clip_file, "video/mp4")


def user(*content) -> list[dict]:
    """One user turn: strings are text, everything else is a part."""
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    return [{"role": "user", "content": parts}]


def video(url: str, **moments) -> dict:
    return {"type": "video_url", "video_url": {"url": url, **moments}}


def ask(client, messages, **fields):
    """Posts a conversation."""
    body = {"model": MODEL, "messages": messages, "max_tokens": 4, **fields}
    return client.post("/v1/chat/completions", json=body)


def upload(client, file):
    """Uploads a file; gives the part that names it."""
    with file.open("rb") as source:
        answer = client.post("/v1/files", files={"file": (file.name, source)})
    return {"type": "file", "file": {"file_id": answer.json()["id"]}}
