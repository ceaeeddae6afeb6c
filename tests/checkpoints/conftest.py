"""One folder as released, made once; tests that change it work on a copy."""

import shutil
from pathlib import Path

import pytest

from tests.checkpoints.original_folder import write_original


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory) -> Path:
    """Complete and untouched."""
    return write_original(tmp_path_factory.mktemp("hub") / "Video-LLaMA-2-7B-Finetuned")


@pytest.fixture
def released_copy(released_folder, tmp_path) -> Path:
    """To be broken."""
    return Path(shutil.copytree(released_folder, tmp_path / "Video-LLaMA-2-7B-Finetuned"))


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of our own."""
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "cache"
