import json

import pytest

from tests.cli.command import videollama
from tests.synthetic import two_scenes, write_frames, write_sound


@pytest.fixture
def film(tmp_path):
    """Two scenes of 2.5 s without sound."""
    return write_frames(tmp_path / "film.mp4", two_scenes(50))


def test_scenes_are_told_with_their_times(capsys, loaded, film):
    shown = videollama(capsys, "analyze", film, "--frames", 2)
    head, _, first, *rest = shown.out.splitlines()
    assert shown.code == 0
    assert head == f"{film}: video, 0:05.0, 2 scenes, video has no audio track"
    assert "0:00.0 - 0:02.6     scene 1" in first
    assert any("0:02.6 - 0:05.0     scene 2" in line for line in rest)
    assert len(loaded) == 1


def test_json_is_nothing_but_json(capsys, loaded, tmp_path):
    sound = write_sound(tmp_path / "a.wav")
    shown = videollama(capsys, "analyze", sound, "--json", "--no-cache")
    facts = json.loads(shown.out)
    assert (facts["kind"], facts["path"]) == ("audio", str(sound))
    assert 0 < facts["segments"][0]["heard"]["confidence"] < 1
    assert shown.err == ""
    assert loaded[0][-1] == "--no-cache"


def test_a_page_is_written_whole(capsys, loaded, film, tmp_path):
    page = tmp_path / "pages" / "film.html"
    shown = videollama(capsys, "analyze", film, "--frames", 2, "--html", page, "--quiet")
    assert (shown.code, shown.out, shown.err) == (0, f"{page}\n", "")
    assert page.read_text(encoding="utf-8").endswith("</html>\n")
    assert [file.name for file in page.parent.iterdir()] == ["film.html"]


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("film.mp4", "is not a name for a page; end it in .html."),
        ("folder.html", "is a folder; name a file in it."),
        ("film.mp4/a.html", "could not be written: a file of that name is in the way;"),
    ],
)
def test_a_place_that_takes_no_page_is_told_before_the_model_is_loaded(
    capsys, loaded, film, tmp_path, place, sentence
):
    (tmp_path / "folder.html").mkdir()
    before = film.read_bytes()
    shown = videollama(capsys, "analyze", film, "--html", tmp_path / place)
    assert shown.code == 2
    assert f"{tmp_path / place} {sentence}" in shown.err
    assert "Traceback" not in shown.err
    assert loaded == []
    assert film.read_bytes() == before


@pytest.mark.parametrize("name", ["missing.mp4", "text.mp4", "empty.mp4", "."])
def test_a_bad_file_is_told_before_the_model_is_loaded(capsys, loaded, tmp_path, name):
    (tmp_path / "text.mp4").write_text("this is text")
    (tmp_path / "empty.mp4").write_bytes(b"")
    shown = videollama(capsys, "analyze", tmp_path / name, "--html", tmp_path / "a.html")
    assert shown.code == 2
    assert str(tmp_path / name) in shown.err
    assert len(shown.err.splitlines()) == 1
    assert loaded == []
    assert not (tmp_path / "a.html").exists()


def test_a_stop_by_the_user_leaves_no_page(capsys, loaded, film, tmp_path, monkeypatch):
    from videollama.inference import segments

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(segments, "read_pictures", interrupted)
    shown = videollama(capsys, "analyze", film, "--html", tmp_path / "a.html")
    assert shown.code == 130
    assert list(tmp_path.iterdir()) == [film]
