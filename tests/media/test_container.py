import os

import pytest

from tests.synthetic import write_clip
from videollama.errors import MediaError
from videollama.media.container import local_file, opened


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/a.mp4",
        "rtsp://camera/1",
        "concat:a.mp4|b.mp4",
        "data:video/mp4;base64,",
    ],
)
def test_addresses_are_refused(address):
    with pytest.raises(MediaError, match="is an address; only local files are read"):
        local_file(address)


def test_a_file_whose_name_looks_like_an_address_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "plain.mp4").rename(tmp_path / "concat:a %03d.mp4")
    with opened(local_file("concat:a %03d.mp4")) as container:
        assert len(container.streams.video) == 1


def test_a_name_that_is_not_utf8_is_read(tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    write_clip(tmp_path / "plain.mp4").rename(tmp_path / name)
    with opened(tmp_path / name) as container:
        assert len(container.streams.video) == 1


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "does not exist; check the name"),
        (lambda path: path.mkdir(), "is a directory; name a file in it"),
        (lambda path: path.touch(), "is empty \\(zero bytes\\)"),
        (lambda path: os.mkfifo(path), "is not a regular file"),
    ],
    ids=["missing", "directory", "empty", "pipe"],
)
def test_what_is_no_file_is_told(tmp_path, make, sentence):
    make(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match=sentence):
        local_file(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a\0b.mp4", "x" * 5000])
def test_impossible_names_are_told(name):
    with pytest.raises(MediaError, match="cannot be read"):
        local_file(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{}'\n"),
        ("list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n"),
    ],
)
def test_playlists_lead_nowhere(tmp_path, name, text):
    secret = write_clip(tmp_path / "secret.mp4")
    (tmp_path / name).write_text(text.format(secret))
    with pytest.raises(MediaError, match="is not a video"), opened(tmp_path / name):
        pass
