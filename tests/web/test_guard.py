import pytest

pytest.importorskip("gradio", reason="the page needs gradio")

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from videollama.web.guard import PageGuard


@pytest.fixture(params=["", "/web"])
def visitor(request, tmp_path):
    """Asks a guarded application that answers everything with the body it got."""

    async def echo(asked):
        return JSONResponse({"got": (await asked.body()).decode()})

    inner = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
    guarded = PageGuard(inner, lambda: str(tmp_path), stored_bytes=1000)
    app = Starlette(routes=[Mount(request.param or "/", guarded)])
    client = TestClient(app, base_url=f"http://testserver{request.param}")
    client.folder = tmp_path
    return client


@pytest.mark.parametrize(
    "path",
    ["/", "/config", "/assets/index.js", "/gradio_api/heartbeat/1", "/gradio_api/file=/tmp/a.png"],
)
def test_what_the_page_needs_is_there(visitor, path):
    assert visitor.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/run/other"),
        ("POST", "/gradio_api/vibe-edit"),
        ("POST", "/login"),
        ("GET", "/gradio_api/proxy=http://10.0.0.1/"),
        ("GET", "/gradio_api/file=http://10.0.0.1/"),
        ("GET", "/monitoring"),
        ("GET", "/gradio_api/stream/1a2b/0/3/playlist.m3u8"),
        ("GET", "/gradio_api/queue/join"),
        ("DELETE", "/config"),
    ],
)
def test_what_the_page_does_not_need_is_not_there(visitor, method, path):
    assert visitor.request(method, path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/stream/1a2b"]
)
def test_no_address_stands_in_place_of_a_file(visitor, path):
    file = {"path": "/tmp/gradio/a.mp4", "meta": {"_type": "gradio.FileData"}}
    response = visitor.post(path, json={"data": [file, "What is http://a.example?"]})
    assert response.status_code == 200
    assert "gradio.FileData" in response.json()["got"]
    for address in ("http://10.0.0.1/a.mp4", "HTTPS://a.example/a.mp4"):
        body = {"data": [{"deep": [{**file, "path": address}]}]}
        assert visitor.post(path, json=body).status_code == 400
    assert visitor.post(path, content=b"[" * 10_000).status_code == 400
    assert visitor.post(path, content=b" " * (2**20 + 1)).status_code == 413


def test_a_full_store_takes_no_more_uploads(visitor):
    path = "/gradio_api/upload"
    assert visitor.post(path, content=b"1" * 400).status_code == 200
    (visitor.folder / "kept").mkdir()
    (visitor.folder / "kept" / "a.mp4").write_bytes(b"1" * 700)
    assert visitor.post(path, content=b"1" * 400).status_code == 413
    assert visitor.get("/").status_code == 200
