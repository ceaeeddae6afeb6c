"""Frozen encoders' files: where they are looked for, and how a download fails."""

import pytest

from videollama.checkpoints import frozen_files
from videollama.checkpoints.frozen_files import fetch_frozen_files, locate_frozen_file
from videollama.errors import DownloadError


def test_the_models_folder_goes_before_the_cache(cache, tmp_path):
    (tmp_path / "m").mkdir()
    assert locate_frozen_file(tmp_path / "m", "eva_vit_g.pth") is None
    (cache / "released").mkdir(parents=True)
    (cache / "released" / "eva_vit_g.pth").write_bytes(b"x")
    assert locate_frozen_file(tmp_path / "m", "eva_vit_g.pth").parent.name == "released"
    (tmp_path / "m" / "eva_vit_g.pth").write_bytes(b"x")
    assert locate_frozen_file(tmp_path / "m", "eva_vit_g.pth").parent.name == "m"


def test_no_network_names_the_address_and_the_place(cache, tmp_path, monkeypatch):
    nowhere = {"eva_vit_g.pth": "http://127.0.0.1:9/eva_vit_g.pth"}
    monkeypatch.setattr(frozen_files, "FROZEN_FILES", nowhere)
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9.*check the network, or put eva_vit_g"):
        fetch_frozen_files(tmp_path, lambda *_: None)
    assert not list((cache / "released").iterdir())
