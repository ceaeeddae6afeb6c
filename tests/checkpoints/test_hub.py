"""The hub's own errors, as sentences."""

import errno

import huggingface_hub
import pytest
from huggingface_hub import errors

from videollama.checkpoints.hub import download_snapshot
from videollama.errors import DownloadError, ModelNotFoundError


def failing(kind):
    """An error of the hub without the HTTP exchange it came from."""
    error = kind.__new__(kind)
    error.args = ("as the hub says it",)
    return error


@pytest.mark.parametrize(
    ("error", "wanted", "sentence"),
    [
        (failing(errors.GatedRepoError), DownloadError, "licence to be accepted"),
        (failing(errors.RepositoryNotFoundError), ModelNotFoundError, "no model 'a/b'"),
        (failing(errors.LocalEntryNotFoundError), DownloadError, "hub cannot be reached"),
        (failing(errors.HfHubHTTPError), DownloadError, "as the hub says it"),
        (ConnectionError("reset"), DownloadError, r"connection broke \(reset\).*is kept"),
    ],
)
def test_each_failure_has_a_sentence(monkeypatch, error, wanted, sentence):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(wanted, match=sentence):
        download_snapshot("a/b")


def test_a_full_disk_is_not_called_a_broken_connection(monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "/cache")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(OSError, match="No space left"):
        download_snapshot("a/b")
