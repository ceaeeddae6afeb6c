import os

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from videollama.batch.media_list import list_media
from videollama.errors import InputError


@pytest.fixture
def bucket():
    """Three files in what stands for object storage."""
    system = fsspec.filesystem("memory")
    for name in ("clips/b.mp4", "clips/deeper/a.WAV", "clips/notes.md"):
        system.pipe_file(f"/bucket/{name}", b"content")
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


def test_the_media_of_a_folder_are_listed_in_order(folder):
    listed = list_media(str(folder))
    names = ["0.png", "1.png", "2.png", "3.png", "4.mp4", "deeper/5.wav"]
    assert listed.paths == tuple(str(folder / name) for name in names)


def test_a_folder_in_object_storage_gives_addresses(bucket):
    assert list_media(f"{bucket}/clips").paths == (
        "memory:///bucket/clips/b.mp4",
        "memory:///bucket/clips/deeper/a.WAV",
    )


def test_a_changed_file_is_another_input(folder):
    before = list_media(str(folder)).fingerprint
    assert list_media(str(folder)).fingerprint == before
    (folder / "4.mp4").write_text("this is a longer text")
    assert list_media(str(folder)).fingerprint != before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", "clips/a.mp4\n\ns3://bucket/b.mp4\nclips/a.mp4\n"),
        ("list.csv", 'path,label\nclips/a.mp4,"a, b"\ns3://bucket/b.mp4,c\n'),
        ("list.csv", "video\nclips/a.mp4\ns3://bucket/b.mp4\n"),
        ("list.txt", "\ufeffclips/a.mp4\r\ns3://bucket/b.mp4"),
    ],
    ids=["lines", "a column among others", "the only column", "as Windows writes it"],
)
def test_a_list_gives_absolute_paths_and_addresses_each_once(tmp_path, monkeypatch, name, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(content, encoding="utf-8")
    expected = (str(tmp_path / "clips/a.mp4"), "s3://bucket/b.mp4")
    assert list_media(name).paths == expected


def test_a_parquet_file_is_a_list_too(tmp_path):
    pq.write_table(
        pa.table({"path": ["/a.mp4", None, "/b.mp4"], "n": [1, 2, 3]}), tmp_path / "l.parquet"
    )
    assert list_media(str(tmp_path / "l.parquet")).paths == ("/a.mp4", "/b.mp4")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("list.csv", b"video,label\na.mp4,b\n", "has the columns video, label; call that of the"),
        ("list.txt", b"\n", "There is no video, picture or sound file in"),
        ("list.txt", b"\xff\xfe\x00", "is not text in UTF-8"),
        ("list.parquet", b"no parquet", "could not be read"),
        ("film.doc", b"", "is neither a folder nor a list of files"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_in_one_sentence(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        list_media(str(tmp_path / name))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["nowhere", "memory://nowhere", "nothing://x", "zip://a"])
def test_a_place_that_is_not_there_is_named(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=source.partition(":")[0]):
        list_media(source)


def test_names_of_another_encoding_are_listed(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"")
    assert list_media(str(tmp_path)).paths == (str(tmp_path / os.fsdecode(b"caf\xe9.mp4")),)
