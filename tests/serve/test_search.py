"""The server's library, as its callers search it."""

import base64

import pytest

from tests.serve.conftest import MODEL, data_url
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


def test_a_server_without_a_library_has_no_such_address(client):
    assert search(client, query="a dog").status_code == 404
