"""Results appear whole or not at all."""

import resource
from pathlib import Path

import pytest
from safetensors import SafetensorError

from videollama.checkpoints.atomic_output import (
    append_line,
    new_file,
    new_folder,
    require_new_file,
    writing_to,
)
from videollama.errors import OutputError


def test_a_folder_appears_when_it_is_done(tmp_path):
    target = tmp_path / "a" / "b"
    with new_folder(target) as draft:
        (draft / "x").write_text("1")
        assert not target.exists()
    assert (target / "x").read_text() == "1"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_leaves_what_was_there(tmp_path):
    target = tmp_path / "b"
    with new_folder(target) as draft:
        (draft / "x").write_text("old")
    with pytest.raises(IsADirectoryError), new_folder(target, replace=True) as draft:
        draft.write_text("not a file: this fails")
    assert (target / "x").read_text() == "old"
    with new_folder(target, replace=True) as draft:
        (draft / "x").write_text("new")
    assert (target / "x").read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_taken_place_is_refused(tmp_path):
    with pytest.raises(OutputError, match="exists already"), new_folder(tmp_path):
        pass


def test_a_file_appears_when_it_is_done(tmp_path):
    target = tmp_path / "x.pth"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), new_file(target) as draft:
        (draft.parent / "no such folder" / "y").write_text("this fails")
    assert target.read_text() == "old"
    with new_file(target) as draft:
        draft.write_text("new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "…"), "the disk is full; free some space"),
        (OSError(30, "…"), "read-only; choose another place"),
        (OSError(13, "…"), "permission is denied; choose another place"),
        (Exception("No space left on device (os error 28)"), "disk is full"),  # of tokenizers
        (SafetensorError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (SafetensorError("I/O error: File too large (os error 27)"), "no file of that size"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos"), "is probably"),
    ],
)
def test_the_systems_refusals_become_sentences(tmp_path, error, words):
    with pytest.raises(OutputError, match=words), writing_to(tmp_path / "x"):
        raise error


@pytest.mark.parametrize(
    "error", [OSError(5, "I/O"), SafetensorError("header too large"), RuntimeError("shapes")]
)
def test_other_errors_pass(tmp_path, error):
    with pytest.raises(type(error)), writing_to(tmp_path / "x"):
        raise error


def test_a_line_that_does_not_fit_leaves_no_half(tmp_path):
    """A limit on the size of files stands for a disk that fills up in the middle of a line."""
    file = tmp_path / "new" / "lines.jsonl"
    append_line(file, "first")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, former[1]))
    try:
        with pytest.raises(OutputError, match="no file of that size"):
            append_line(file, 200 * "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    append_line(file, "second")
    assert file.read_text() == "first\nsecond\n"


def test_a_place_where_nothing_can_be_made():
    with pytest.raises(OutputError, match="/proc/nowhere/x"), new_folder(Path("/proc/nowhere/x")):
        pass
    with pytest.raises(OutputError, match="/proc/x cannot be made here"):
        require_new_file(Path("/proc/x"))
