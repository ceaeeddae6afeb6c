import json

import numpy as np
import pytest

from tests.cli.command import videollama
from tests.synthetic import write_picture, write_sound


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    write_picture(folder / "a.png")
    (folder / "b.mp4").write_text("this is text")
    write_sound(folder / "c.wav")
    return folder


def test_vectors_of_many_files_are_one_file(capsys, loaded, assistant, files, tmp_path):
    output = tmp_path / "vectors.npz"
    shown = videollama(capsys, "embed", files, "-o", output)
    assert (shown.code, shown.out) == (0, f"{output}\n")
    assert f"{files / 'b.mp4'} is not a video" in shown.err
    assert "2 embedded, 1 could not be used." in shown.err
    assert loaded[0][-1] == "without decoder layers"
    with np.load(output) as held:
        assert held["paths"].tolist() == [str(files / "a.png"), str(files / "c.wav")]
        assert held["broken_paths"].tolist() == [str(files / "b.mp4")]
        width = assistant.model.config.text_config.hidden_size
        assert held["joint"].shape == held["video"].shape == held["audio"].shape == (2, width)
        assert np.isnan(held["video"]).any(axis=1).tolist() == [False, True]
        assert np.isnan(held["audio"]).any(axis=1).tolist() == [True, False]
        assert np.linalg.norm(held["joint"], axis=1) == pytest.approx(1, abs=1e-5)


def test_json_is_nothing_but_json(capsys, loaded, files, tmp_path):
    output = tmp_path / "vectors.json"
    shown = videollama(capsys, "embed", files, "-o", output, "--json", "-q")
    facts = json.loads(shown.out)
    assert facts == json.loads(output.read_text())
    picture, sound = facts["files"]
    assert picture["audio"] is None
    assert picture["joint"] == pytest.approx(picture["video"])
    assert sound["video"] is None
    assert [each["path"] for each in facts["broken"]] == [str(files / "b.mp4")]


def test_no_usable_file_is_exit_code_2_and_writes_nothing(capsys, loaded, files, tmp_path):
    output = tmp_path / "vectors.npz"
    shown = videollama(capsys, "embed", files / "b.mp4", files / "missing.mp4", "-o", output)
    assert shown.code == 2
    assert "missing.mp4 does not exist" in shown.err
    assert not output.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Nothing is to be written; name a file or add --json"),
        (("-o", "vectors.txt"), "end it in .npz or .json"),
        (("-o", "a.png/vectors.npz"), "a file of that name is in the way"),
        (("--json", "--fps", -1), "frames per second is not possible"),
    ],
)
def test_what_makes_no_sense_is_told_before_the_model_is_loaded(
    capsys, loaded, files, monkeypatch, words, sentence
):
    monkeypatch.chdir(files)
    shown = videollama(capsys, "embed", "a.png", *words)
    assert shown.code == 2
    assert sentence in shown.err
    assert loaded == []
