import json

from tests.cli.command import videollama
from tests.training.conftest import *  # noqa: F403  (the small data folder and its recipes)


def write_recipe(tmp_path, small, stage="audio_pretrain"):
    import yaml

    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(small({"stage": stage})))
    return file


def test_a_run_says_how_far_it_is_and_where_the_weights_are(
    capsys, tmp_path, small, data_folder, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    file = write_recipe(tmp_path, small)
    shown = videollama(capsys, "train", file, "--data", data_folder)
    assert shown.code == 0
    assert shown.out == "4 of 4 steps: runs/mine/weights.safetensors\n"
    assert "step 4 of 4: loss " in shown.err

    shown = videollama(capsys, "train", file, "--data", data_folder)
    assert shown.code == 2
    assert "runs/mine holds a run already; go on with --resume" in shown.err

    shown = videollama(capsys, "train", file, "--data", data_folder, "--resume", "-q", "--json")
    assert json.loads(shown.out) == {
        "steps": 4,
        "weights": "runs/mine/weights.safetensors",
        "model": None,
        "broken_samples": 0,
    }
    assert shown.err == ""


def test_mistakes_are_one_sentence(capsys, tmp_path, small):
    file = write_recipe(tmp_path, small)
    shown = videollama(capsys, "train", file, "--set", "training.max_step=3")
    assert shown.code == 2
    assert "unknown key training.max_step; did you mean training.max_steps?" in shown.err

    shown = videollama(capsys, "train", file, "--data", tmp_path, "--out", tmp_path / "run")
    assert shown.code == 2
    assert "labels.csv does not exist; name the folder that holds labels.csv" in shown.err


def test_broken_samples_are_counted_and_named(capsys, tmp_path, small):
    write_sounds(tmp_path / "data" / "esc50")  # noqa: F405
    (tmp_path / "data" / "esc50" / "audio" / "3.wav").write_bytes(b"no sound at all")
    file = write_recipe(tmp_path, small)
    command = ("train", file, "--data", tmp_path / "data", "--out", tmp_path / "run", "--json")
    shown = videollama(capsys, *command)
    assert json.loads(shown.out)["broken_samples"] == 1
    assert shown.err.count("3.wav") == 1
    note = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [name.endswith("3.wav") for name in note["broken_samples"]] == [True]
    assert note["samples"]["sounds"] == 8

    shown = videollama(capsys, *command, "--resume", "--set", "data.max_broken=0")
    assert shown.code == 2
