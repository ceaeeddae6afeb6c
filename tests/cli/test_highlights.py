import json

import pytest

from tests.cli.command import videollama
from tests.synthetic import two_scenes, write_frames, write_picture, write_sound
from videollama.media.overview import look_over


@pytest.fixture
def film(tmp_path):
    """Two scenes of 2.5 s without sound."""
    return write_frames(tmp_path / "film.mp4", two_scenes(50))


def test_a_cut_is_written_and_explained(capsys, loaded, film, tmp_path):
    cut = tmp_path / "cuts" / "cut.mp4"
    words = ("highlights", film, "a blue picture", "--seconds", 3, "-o", cut, "--frames", 2)
    shown = videollama(capsys, *words)
    assert (shown.code, shown.out) == (0, f"{cut}\n")
    assert "picture +" in shown.err
    assert look_over(cut).duration_seconds == pytest.approx(2.5, abs=0.11)
    assert sorted(file.suffix for file in cut.parent.iterdir()) == [".edl", ".json", ".mp4"]
    again = videollama(capsys, *words)
    assert again.code == 2
    assert "cut.mp4 exists already; choose another name or add --overwrite." in again.err
    shown = videollama(capsys, *words, "--overwrite", "--json")
    assert json.loads(shown.out) == json.loads(cut.with_suffix(".json").read_text())
    assert shown.err == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("film.mp4", "", "-o", "a.mp4"), "holds no word"),
        (("film.mp4", "a dog", "-o", "a.mp4", "--seconds", 0), "must be more than 0"),
        (("film.mp4", "a dog", "-o", "a.mp4", "--seconds", 90), "lasts 5.0 s only"),
        (("film.mp4", "a dog", "-o", "a.gif"), "use .mp4 or .mkv"),
        (("film.mp4", "a dog", "-o", "film.mp4"), "is the film itself"),
        (("film.mp4", "a dog", "-o", "film.mp4/a.mp4"), "a file of that name is in the way"),
        (("a.wav", "a dog", "-o", "a.mp4", "--seconds", 1), "a sound without a picture"),
        (("a.png", "a dog", "-o", "a.mp4", "--seconds", 1), "is a picture"),
        (("missing.mp4", "a dog", "-o", "a.mp4"), "does not exist"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_model_is_loaded(
    capsys, loaded, film, tmp_path, monkeypatch, words, sentence
):
    monkeypatch.chdir(tmp_path)
    write_sound(tmp_path / "a.wav")
    write_picture(tmp_path / "a.png")
    before = sorted(tmp_path.iterdir())
    shown = videollama(capsys, "highlights", *words)
    assert shown.code == 2
    assert sentence in shown.err
    assert len(shown.err.splitlines()) == 1
    assert loaded == []
    assert sorted(tmp_path.iterdir()) == before
