import json

import pytest

from tests.cli.command import videollama
from tests.synthetic import write_clip, write_picture


@pytest.fixture
def media(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    write_clip(folder / "a.mp4", seconds=1.0, size=(32, 48))
    write_picture(folder / "b.png")
    return folder


@pytest.fixture
def db(tmp_path):
    return tmp_path / "library"


def test_a_folder_is_indexed_and_searched(capsys, loaded, media, db, tmp_path):
    shown = videollama(capsys, "index", media, "--db", db)
    assert (shown.code, shown.out) == (0, "Files: 2 added. The library holds 2 segments.\n")
    assert shown.err.splitlines() == [f"1 of 2: {media / 'a.mp4'}", f"2 of 2: {media / 'b.png'}"]
    again = videollama(capsys, "index", media, "--db", db, "--json")
    assert json.loads(again.out)["unchanged"] == 2
    assert again.err == ""
    page = tmp_path / "found.html"
    found = videollama(capsys, "search", "a dog", "--db", db, "--html", page, "--json")
    assert {hit["files"][0] for hit in json.loads(found.out)} == {
        str(media / "a.mp4"),
        str(media / "b.png"),
    }
    html = page.read_text(encoding="utf-8")
    assert "<h1>a dog</h1>" in html
    assert html.count("data:image/jpeg;base64,") == 2
    like = videollama(capsys, "search", "--video-like", media / "b.png", "--db", db, "--limit", 1)
    assert f"  1  0:00.0 - 0:00.0  {media / 'b.png'}" in like.out
    assert "looks alike 1.00" in like.out


def test_broken_files_are_told_and_make_the_exit_code_only_alone(capsys, loaded, media, db):
    (media / "c.mp4").write_text("text")
    shown = videollama(capsys, "index", media, "--db", db, "--quiet")
    assert shown.code == 0
    assert "1 could not be used" in shown.out
    assert str(media / "c.mp4") in shown.err
    assert len(shown.err.splitlines()) == 1
    for name in ("a.mp4", "b.png"):
        (media / name).unlink()
    assert videollama(capsys, "index", media, "--db", db.with_name("other")).code == 2


def test_a_stop_by_the_user_leaves_what_was_done(capsys, loaded, media, db, monkeypatch):
    from videollama.search import indexing

    look = indexing.look_over

    def stopping(path):
        if path.name == "b.png":
            raise KeyboardInterrupt
        return look(path)

    monkeypatch.setattr(indexing, "look_over", stopping)
    shown = videollama(capsys, "index", media, "--db", db, "--quiet")
    assert shown.code == 130
    assert shown.err.startswith("Stopped; the files that were done can be searched")
    found = videollama(capsys, "search", "a dog", "--db", db, "--json")
    assert [hit["files"] for hit in json.loads(found.out)] == [[str(media / "a.mp4")]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["search", "a dog"], "is no library; make one with: videollama index FOLDER --db"),
        (["search", "?"], "holds no word"),
        (["search"], "holds no word"),
        (["search", "a dog", "--html", "a.txt"], "is not a name for a page"),
        (["index", "missing"], "missing is not a folder"),
        (["index", "empty"], "no video, picture or sound file in the folder empty"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_model_is_loaded(
    capsys, loaded, tmp_path, monkeypatch, words, sentence
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    shown = videollama(capsys, *words, "--db", "library")
    assert shown.code == 2
    assert sentence in shown.err
    assert len(shown.err.splitlines()) == 1
    assert loaded == []
    assert not (tmp_path / "library").exists()


def test_a_place_that_takes_no_library_is_told_before_the_model_is_loaded(
    capsys, loaded, media, tmp_path
):
    shown = videollama(capsys, "index", media, "--db", media / "a.mp4" / "library")
    assert shown.code == 2
    assert "could not be written" in shown.err
    assert loaded == []


def test_an_emptied_library_finds_nothing(capsys, loaded, media, db):
    videollama(capsys, "index", media, "--db", db)
    for file in media.iterdir():
        file.unlink()
    shown = videollama(capsys, "index", media, "--db", db)
    assert shown.out == "Files: 2 removed. The library holds 0 segments.\n"
    assert videollama(capsys, "search", "a dog", "--db", db).out == "Nothing was found.\n"
