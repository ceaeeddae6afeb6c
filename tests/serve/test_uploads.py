import io
import os
import time

import pytest

from videollama.serve.api_errors import ApiError
from videollama.serve.limits import Limits
from videollama.serve.uploads import Uploads


def test_a_file_outlives_the_server(tmp_path):
    kept = Uploads(tmp_path, Limits()).add(io.BytesIO(b"12345"), "clip.mp4", "vision", "me")
    after_restart = Uploads(tmp_path, Limits())
    assert after_restart.list("me") == [kept]
    assert after_restart.content(kept.id, "me").read_bytes() == b"12345"
    assert (kept.bytes, kept.filename) == (5, "clip.mp4")


def test_a_file_is_its_owners_alone(tmp_path):
    uploads = Uploads(tmp_path, Limits())
    kept = uploads.add(io.BytesIO(b"1"), "a", "vision", "me")
    for action in (uploads.get, uploads.content, uploads.remove):
        with pytest.raises(ApiError) as error:
            action(kept.id, "you")
        assert error.value.status_code == 404


@pytest.mark.parametrize("file_id", ["../../etc/passwd", "file-../x", "", "file-" + "0" * 24, "*"])
def test_what_is_no_id_of_ours_is_not_there(tmp_path, file_id):
    with pytest.raises(ApiError) as error:
        Uploads(tmp_path, Limits()).content(file_id, "me", "messages[0].content[0]")
    assert (error.value.status_code, error.value.param) == (404, "messages[0].content[0]")


def test_limits_leave_nothing_behind(tmp_path):
    uploads = Uploads(tmp_path, Limits(upload_bytes=10, stored_bytes=15))
    uploads.add(io.BytesIO(b"1" * 10), "a", "vision", "me")
    for content, status in ((b"1" * 11, 413), (b"1" * 6, 413), (b"", 400)):
        with pytest.raises(ApiError) as error:
            uploads.add(io.BytesIO(content), "b", "vision", "me")
        assert error.value.status_code == status
    assert len(list((tmp_path / "me").iterdir())) == 2


def test_expired_files_and_cut_off_uploads_are_removed(tmp_path):
    uploads = Uploads(tmp_path, Limits(stored_hours=1e-9))
    old = uploads.add(io.BytesIO(b"1"), "a", "vision", "me")
    cut_off = tmp_path / "me" / ".file-1.media.x"
    cut_off.write_bytes(b"half")
    orphan = tmp_path / "me" / "file-1.media"
    orphan.write_bytes(b"whole")
    fresh = tmp_path / "me" / "file-2.media"
    fresh.write_bytes(b"being added")
    for path in (cut_off, orphan, *(tmp_path / "me").glob(f"{old.id}.*")):
        os.utime(path, (time.time() - 9999,) * 2)
    assert uploads.list("me") == []
    uploads.remove_expired()
    assert list((tmp_path / "me").iterdir()) == [fresh]
