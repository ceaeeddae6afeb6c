"""What W&B and Trackio are told of a run; the first half needs neither."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from PIL import Image
from transformers.integrations.integration_utils import TrackioCallback, WandbCallback

from tests.training.finetuning.conftest import small_finetune
from videollama.errors import DataError, RecipeError
from videollama.training.trackers import show_answers, tracked_name, tracking

ANSWER = {"step": 3, "sample": "a", "question": "What?", "wanted": "This.", "answer": "That."}


class FakeWandb(SimpleNamespace):
    """What `trackers` calls of W&B."""

    class Error(Exception):
        pass

    def __init__(self, reason=None):
        super().__init__(run=None, begun=[], exits=[], logged=[])
        self.reason = reason
        self.Image, self.Table = (lambda picture: picture.size), (lambda columns, data: data)

    def init(self, **options):
        if self.reason is not None:
            raise self.Error(self.reason)
        self.begun.append(options)

    def finish(self, exit_code):
        self.exits.append(exit_code)

    def log(self, numbers):
        self.logged.append(numbers)


@pytest.fixture
def wandb(monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for name in ("WANDB_PROJECT", "WANDB_NAME", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    return fake


def test_a_run_is_one_run_of_wandb_whenever_it_goes_on(tmp_path, wandb):
    for _ in range(2):
        with tracking(["wandb"], tmp_path):
            pass
    first, again = wandb.begun
    assert first == again
    assert first["id"] == first["name"] == tracked_name(tmp_path)
    assert first["name"].startswith(f"{tmp_path.name}-")
    assert (first["project"], first["dir"]) == ("videollama", str(tmp_path))
    assert wandb.exits == [0, 0]


def test_a_run_that_fails_has_failed_for_wandb(tmp_path, wandb):
    with pytest.raises(DataError), tracking(["wandb"], tmp_path):
        raise DataError("The loss is nan.")
    assert wandb.exits == [1]


def test_a_run_of_wandb_that_was_there_stays_open(tmp_path, wandb):
    wandb.run = object()
    with tracking(["wandb"], tmp_path):
        pass
    assert wandb.begun == wandb.exits == []


def test_that_wandb_does_not_begin_is_one_sentence(tmp_path, wandb):
    wandb.reason = "No API key configured.\nmore"
    told = r"^W&B does not begin: No API key configured\. Set WANDB_MODE=offline .*report_to\.$"
    with pytest.raises(RecipeError, match=told), tracking(["wandb"], tmp_path):
        pytest.fail("the run went on")


def test_samples_are_shown_in_wandb(wandb):
    callback = object.__new__(WandbCallback)
    show_answers([callback], Image.new("RGB", (4, 3)), [ANSWER], 3)
    assert wandb.logged == [
        {"samples": (4, 3), "answers": [list(ANSWER.values())], "train/global_step": 3}
    ]


def test_samples_are_shown_in_trackio(monkeypatch):
    logged = []
    fake = SimpleNamespace(
        Image=lambda picture: picture.size, Table=lambda dataframe: dataframe, log=logged.append
    )
    monkeypatch.setitem(sys.modules, "trackio", fake)
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    show_answers([object.__new__(TrackioCallback)], Image.new("RGB", (4, 3)), [ANSWER], 3)
    assert logged == [{"samples": (4, 3), "answers": [ANSWER], "train/global_step": 3}]


# --------------------------------------------------------------------------- installed


def run_command(folder, own_folder, model_folder, tracker, *options, **environment):
    """Train by the command, stopped after a step and gone on with; gives the last output."""
    content = small_finetune(
        model_folder, folder / "cache", training__sample_every=2, training__report_to=[tracker]
    )
    recipe = folder / "small.yaml"
    recipe.write_text(yaml.safe_dump(content))
    command = "from videollama.cli.main import run; run()"
    return subprocess.run(
        [
            *(sys.executable, "-c", command, "train", recipe, "--data", own_folder),
            *("--out", folder / "run", "--resume", "--json", *options),
        ],
        env={**os.environ, "HOME": str(folder), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def wandb_records(file):
    """Records of a file of W&B: LevelDB's log after 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, part = Path(file).read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the whole, or the last part
            record = Record()
            record.ParseFromString(part)
            yield record
            part = b""


@pytest.mark.end_to_end
def test_wandb_keeps_losses_samples_and_the_recipe_offline(tmp_path, own_folder, model_folder):
    pytest.importorskip("wandb")
    run = [tmp_path, own_folder, model_folder, "wandb"]
    for minutes in ("1e-9", "9"):  # stopped after a step, and gone on with
        done = run_command(*run, "--set", f"training.max_minutes={minutes}", WANDB_MODE="offline")
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 4
    told, config, runs, exits = {}, {}, set(), []
    for file in sorted((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb")):
        for record in wandb_records(file):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                runs.add((record.run.project, record.run.run_id))
            elif kind == "config":
                config |= {each.key: json.loads(each.value_json) for each in record.config.update}
            elif kind == "exit":
                exits.append(record.exit.exit_code)
            elif kind == "history":
                items = {
                    "/".join(i.nested_key) or i.key: json.loads(i.value_json)
                    for i in record.history.item
                }
                for name in items:
                    told.setdefault(name, []).append(items["train/global_step"])
    assert runs == {("videollama", tracked_name(tmp_path / "run"))}
    assert exits == [0, 0]
    assert config["recipe"]["model"]["load"] == str(model_folder)
    assert config["learning_rate"] == config["recipe"]["training"]["learning_rate"] == 1e-3
    assert told["train/loss"] == told["train/learning_rate"] == [1, 2, 3, 4]
    assert told["eval/loss"] == [0, 1, 2, 4]
    assert told["samples/path"] == told["answers/path"] == [2, 4]


@pytest.mark.end_to_end
def test_wandb_without_a_key_is_told_before_anything_is_read(tmp_path, own_folder, model_folder):
    pytest.importorskip("wandb")
    done = run_command(
        *(tmp_path, own_folder, model_folder, "wandb"), WANDB_MODE="online", WANDB_API_KEY=""
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "W&B does not begin: No API key configured" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "cache").exists()


@pytest.mark.end_to_end
def test_trackio_keeps_losses_samples_and_the_recipe(tmp_path, own_folder, model_folder):
    pytest.importorskip("trackio")
    run = [tmp_path, own_folder, model_folder, "trackio"]
    for minutes in ("1e-9", "9"):
        done = run_command(
            *run, "--set", f"training.max_minutes={minutes}", TRACKIO_DIR=str(tmp_path / "kept")
        )
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 4
    with closing(sqlite3.connect(tmp_path / "kept" / "videollama.db")) as kept:
        rows = list(kept.execute("select run_name, metrics from metrics order by step"))
        ((config,),) = kept.execute("select config from configs")
    assert {name for name, _ in rows} == {tracked_name(tmp_path / "run")}
    assert json.loads(config)["recipe"]["model"]["load"] == str(model_folder)
    told = {}
    for _, metrics in rows:
        numbers = json.loads(metrics)
        for name in numbers:
            told.setdefault(name, []).append(numbers["train/global_step"])
    assert told["train/loss"] == told["train/learning_rate"] == [1, 2, 3, 4]
    assert told["eval/loss"] == [0, 1, 2, 4]
    assert told["samples"] == told["answers"] == [2, 4]
    assert len(list((tmp_path / "kept" / "media").rglob("*.png"))) == 2
