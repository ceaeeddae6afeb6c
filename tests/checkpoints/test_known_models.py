"""What can be named, and how much of it is here."""

import pytest
from huggingface_hub import constants

from videollama.checkpoints import known_models as module
from videollama.checkpoints.known_models import known_models


@pytest.fixture(autouse=True)
def hub_cache(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def by_name(name):
    return next(model for model in known_models() if model.name == name)


def test_the_default_comes_first_and_the_released_follow():
    names = [model.name for model in known_models()]
    assert names[0] == "tiny"
    assert "DAMO-NLP-SG/Video-LLaMA-2-7B-Finetuned" in names


def test_the_default_before_and_after_pull(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "tiny_package_folder", lambda: tmp_path)
    assert by_name("tiny").status == "not installed"
    (tmp_path / "config.json").write_text("{}")
    assert (by_name("tiny").status, by_name("tiny").needs) == ("not fetched", "videollama pull")
    (cache / "tiny" / "decoder").mkdir(parents=True)
    (cache / "tiny" / "decoder" / "model.safetensors").write_bytes(b"x")
    (cache / "tiny" / "vision_encoder.safetensors").write_bytes(b"x")
    assert (by_name("tiny").status, by_name("tiny").needs) == ("ready", "")


def test_a_hub_model_is_absent_half_there_or_ready(hub_cache):
    name = "DAMO-NLP-SG/Video-LLaMA-2-7B-Finetuned"
    assert by_name(name).status == "not fetched"
    repository = hub_cache / "models--DAMO-NLP-SG--Video-LLaMA-2-7B-Finetuned"
    (repository / "snapshots" / "abc").mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "1.incomplete").write_bytes(b"x")
    assert by_name(name).status == "half-fetched"
    assert by_name(name).needs == f"videollama pull {name}"
    (repository / "blobs" / "1.incomplete").unlink()
    (repository / "snapshots" / "abc" / "VL.pth").write_bytes(b"x")
    assert by_name(name).status == "ready"
    assert by_name(name).folder == repository / "snapshots" / "abc"
