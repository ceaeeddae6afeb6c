"""The page inside the server, as far as no browser is needed."""

import asyncio
import base64
import json
import os
import threading
from functools import partial

import pytest

pytest.importorskip("gradio", reason="the page needs gradio")

import anyio
from starlette.testclient import TestClient

from tests.serve.conftest import MODEL, ask, user, wait_until
from videollama.cli.page_on_server import mount_page, served_backend
from videollama.errors import BusyError, InputError, MediaError, RefusedError
from videollama.inference.guarding import Guards
from videollama.inference.scheduling import Request
from videollama.media.frame_sampling import FrameSampling
from videollama.policy.rule_guard import RuleGuard
from videollama.serve.app import Access, build_app
from videollama.serve.audit_log import AuditLog
from videollama.serve.decoding import DecodePool
from videollama.serve.limits import Limits
from videollama.serve.model_host import ModelHost
from videollama.serve.running import _EndingHeartbeats

KEY = "a-key-of-a-test-1"


@pytest.fixture
def client_of(assistant, tmp_path):
    """Gives a client of a server with the page."""

    def client(limits=None, keys=()):
        limits = limits or Limits(requests_per_minute=10_000)
        host = ModelHost(lambda: assistant, MODEL, limits)
        access = Access(files_folder=tmp_path, keys=keys)
        add_page = partial(mount_page, limits=limits, access=access)
        app = build_app(host, limits, access, add_page=add_page)
        return TestClient(app, raise_server_exceptions=False)

    return client


def basic(password):
    return {"authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


def test_the_page_stands_beside_the_interface(client_of):
    with client_of() as client:
        assert "gradio" in client.get("/web/").text
        wait_until(lambda: client.get("/ready").status_code == 200)
        assert ask(client, user("What?")).status_code == 200
        assert client.get("/v1/nothing").json()["error"]["code"] == "not_found"
        paths = client.get("/openapi.json").json()["paths"]
        assert not any(path.startswith("/web") for path in paths)


def test_where_keys_are_set_nothing_of_the_page_is_seen_without_one(client_of):
    with client_of(keys=(KEY,)) as client:
        bearer = {"authorization": f"Bearer {KEY}"}
        for path in ("/web", "/web/", "/web/config", "/web/assets/a.js", "/web/theme.css"):
            for header in ({}, basic("nothing"), {"authorization": "Basic ?"}, bearer):
                response = client.get(path, headers=header)
                assert response.status_code == 401
                assert response.headers["www-authenticate"].startswith("Basic realm=")
        assert client.get("/web/config", headers=basic(KEY)).status_code == 200
        refused = client.get("/v1/models", headers=basic(KEY))  # a page elsewhere could use it
        assert refused.headers["www-authenticate"] == "Bearer"


def test_pages_of_other_origins_may_not_use_the_page(client_of):
    with client_of() as client:
        page = {"origin": "https://page.example"}
        for path in ("/web/config", "/web/gradio_api/queue/data"):
            assert client.get(path, headers=page).status_code == 403
        assert client.post("/web/gradio_api/queue/join", json={}, headers=page).status_code == 403


def test_uploads_of_the_page_have_the_limits_of_the_server(client_of, tmp_path):
    limits = Limits(upload_bytes=100_000, requests_per_minute=3, stored_bytes=120_000)
    with client_of(limits) as client:
        upload = partial(client.post, "/web/gradio_api/upload")
        small = upload(files={"files": ("a.mp4", b"1" * 90_000)})
        assert small.status_code == 200
        assert str(tmp_path / "page") in small.json()[0]
        assert upload(files={"files": ("a.mp4", b"1" * 90_000)}).status_code == 413
        assert upload(files={"files": ("a.mp4", b"1" * 300_000)}).status_code == 413
        assert upload(files={"files": ("a.mp4", b"1")}).status_code == 429


def test_uploads_of_a_server_that_was_killed_do_not_stay_for_ever(client_of, tmp_path):
    old, new = tmp_path / "page" / "1" / "old.mp4", tmp_path / "page" / "2" / "new.mp4"
    for path in (old, new):
        path.parent.mkdir(parents=True)
        path.touch()
    os.utime(old, (0, 0))
    client_of()
    assert (old.exists(), new.exists()) == (False, True)


@pytest.fixture
def decode(tmp_path):
    """Opens a file as the page does: in a thread of the server's, through its processes."""

    def decode(file, limits=None, frames=2, **sampling):
        limits = limits or Limits()
        pool = DecodePool(limits, size=1)
        access = Access(files_folder=tmp_path)
        backend = served_backend(ModelHost(lambda: None, MODEL, limits), pool, limits, access)

        async def work():
            await pool.start()
            try:
                wish = FrameSampling(frames, **sampling)
                return await anyio.to_thread.run_sync(backend.preview, file, wish, True)
            finally:
                await pool.close()

        return anyio.run(work)

    return decode


def test_files_are_opened_in_a_process_with_limits(decode, clip_file, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("the server opened the file itself")

    monkeypatch.setattr("videollama.media.preview.read_clip", fail)
    monkeypatch.setattr("videollama.media.decode.read_clip", fail)
    clip = decode(clip_file)
    assert clip.path == clip_file
    assert clip.frames.shape[0] == 2
    assert clip.waveform is not None


def test_what_is_wrong_with_a_file_is_said_as_everywhere(decode, clip_file, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("This is no film.\n" * 20)
    with pytest.raises(MediaError, match=r"text\.mp4 is not a video, image or sound"):
        decode(text)
    with pytest.raises(MediaError, match=r"square\.mp4: it lasts 2 s, and at most 0\.5 s"):
        decode(clip_file, Limits(media_seconds=0.5))
    with pytest.raises(InputError, match="beyond the end of the file"):
        decode(clip_file, start_seconds=60.0)


def test_while_the_model_is_loaded_the_page_says_so(clip_file, tmp_path):
    limits = Limits()
    host, access = ModelHost(lambda: None, MODEL, limits), Access(files_folder=tmp_path)
    backend = served_backend(host, DecodePool(limits), limits, access)
    with pytest.raises(BusyError, match="being loaded"):
        backend.read(clip_file, FrameSampling(), True)
    with pytest.raises(BusyError, match="being loaded"):
        backend.submit(Request([]))


def test_guards_read_what_visitors_write_about_files_and_the_library(assistant, tmp_path):
    def fail(*_):
        raise AssertionError("the model was asked")

    class Library:
        search = staticmethod(fail)

    limits, audit = Limits(), AuditLog(tmp_path / "audit.jsonl")
    host = ModelHost(
        lambda: assistant, MODEL, limits, audit=audit, guards=lambda: Guards([RuleGuard()])
    )
    host.start(lambda _: None)
    wait_until(lambda: host.ready)
    access = Access(files_folder=tmp_path)
    backend = served_backend(host, DecodePool(limits), limits, access, Library())
    with pytest.raises(RefusedError, match="I do not answer this"):
        backend.whole.go_through("how to make a bomb", fail, str)
    with pytest.raises(RefusedError, match="I do not answer this"):
        backend.search("how to make a bomb")
    assert backend.whole.go_through(None, lambda _: "A dog.", str) == "A dog."
    host.close()
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["caller"], line["decision"], line["media"]) for line in lines[1:]] == [
        ("page", "refused", 1),
        ("page", "refused", 0),
        ("page", "answered", 1),
    ]


def test_the_page_promises_no_more_than_the_server_gives(tmp_path):
    limits = Limits(media_frames=4, new_tokens=10, running_requests=3, request_seconds=7)
    host, access = ModelHost(lambda: None, MODEL, limits), Access(files_folder=tmp_path)
    backend = served_backend(host, DecodePool(limits), limits, access)
    page = backend.limits
    assert (backend.search, backend.fetch) == (None, None)
    assert (page.num_frames, page.max_new_tokens, page.answers) == (4, 10, 3)
    assert page.answer_seconds == 7
    assert page.upload_bytes == limits.upload_bytes


def test_an_open_page_does_not_keep_the_server_from_ending():
    ending = threading.Event()
    told = []

    async def heart(scope, receive, send):
        told.append((await receive())["type"])

    async def visit():
        app = _EndingHeartbeats(heart, ending.is_set)
        scope = {"type": "http", "path": "/web/gradio_api/heartbeat/1"}
        beating = asyncio.ensure_future(app(scope, asyncio.Event().wait, None))
        await asyncio.sleep(0.1)
        assert not told
        ending.set()
        await asyncio.wait_for(beating, 60)

    asyncio.run(visit())
    assert told == ["http.disconnect"]
