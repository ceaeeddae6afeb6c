"""The server's library, as its callers search it."""

import base64
import threading

import pytest

from tests.serve.conftest import MODEL, data_url, wait_until
from tests.synthetic import write_clip, write_picture
from videollama.search.media_library import MediaLibrary
from videollama.serve.app import Access


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    write_clip(folder / "dog.mp4")
    write_picture(folder / "child.png")
    return folder


@pytest.fixture(scope="module")
def searching(client_of, assistant, folder, tmp_path_factory):
    """A client of a server with a library of a clip and a picture."""
    database = tmp_path_factory.mktemp("library") / "db"
    MediaLibrary(assistant, database).index(folder)
    access = Access(files_folder=tmp_path_factory.mktemp("files"), library=database)
    with client_of(access=access) as client:
        yield client


def search(client, **fields):
    return client.post("/v1/search", json={"model": MODEL, **fields})


def test_a_sentence_finds_moments_with_pictures_and_without_the_servers_paths(searching, folder):
    answer = search(searching, query="a dog runs", limit=2)
    assert answer.status_code == 200, answer.text
    hits = answer.json()["data"]
    assert {file for hit in hits for file in hit["files"]} == {"dog.mp4", "child.png"}
    assert str(folder) not in answer.text
    picture = base64.b64decode(hits[0]["thumbnail"].partition(",")[2])
    assert picture.startswith(b"\xff\xd8")


def test_a_picture_finds_itself(searching, folder):
    url = data_url(folder / "child.png", "image/png")
    part = {"type": "image_url", "image_url": {"url": url}}
    [hit] = search(searching, input=part, limit=1).json()["data"]
    assert hit["files"] == ["child.png"]
    assert hit["picture_likeness"] == pytest.approx(1.0, abs=0.01)


def test_what_cannot_be_searched_for_is_told(searching):
    for fields in ({}, {"query": "?!"}):
        answer = search(searching, **fields)
        assert answer.status_code == 400
        assert "holds no word" in answer.json()["error"]["message"]
    assert search(searching, query="a dog", limit=0).status_code == 400
    chinese = search(searching, query="一只狗").json()["error"]
    assert chinese["code"] == "unsupported_language"


def test_who_waits_for_the_library_leaves_the_threads_to_others(searching, monkeypatch):
    go, seen = threading.Event(), []
    monkeypatch.setattr(MediaLibrary, "search", lambda *_, **__: [] if go.wait(60) else None)

    def look():
        def admitted():
            return "videollama_admitted_requests 40.0" in searching.get("/metrics").text

        wait_until(admitted, 60)
        seen.append(searching.get("/ready").status_code)

    waiting = [
        threading.Thread(target=search, args=(searching,), kwargs={"query": "a dog"})
        for _ in range(40)  # as many as the server takes
    ]
    other = threading.Thread(target=look)
    for thread in (*waiting, other):
        thread.start()
    other.join(20)
    was_seen = list(seen)
    go.set()
    for thread in (*waiting, other):
        thread.join(60)
    assert was_seen == [200], "while all of them waited"


def test_a_server_without_a_library_has_no_such_address(client):
    assert search(client, query="a dog").status_code == 404
