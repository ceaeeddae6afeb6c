"""Members of tar files are read like files, from anywhere in them."""

import tarfile

import pytest
import torch

from tests.synthetic import write_clip, write_picture
from videollama.errors import MediaError
from videollama.media.container import local_file
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.tar_members import open_bytes, state_of


@pytest.fixture
def shard(tmp_path):
    write_clip(tmp_path / "a.mp4", seconds=1.0)
    write_picture(tmp_path / "b.png")
    (tmp_path / "empty.wav").touch()
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for name in ("b.png", "a.mp4", "empty.wav"):
            archive.add(tmp_path / name, arcname=f"in/{name}")
    return tmp_path / "shard.tar"


@pytest.mark.parametrize("name", ["a.mp4", "b.png"])
def test_a_member_shows_what_the_file_shows(shard, name):
    member, file = shard / "in" / name, shard.parent / name
    one, other = (read_clip(path, FrameSampling(num_frames=3)) for path in (member, file))
    assert torch.equal(one.frames, other.frames)
    assert one.audio_status == other.audio_status
    assert state_of(member).size == state_of(file).size
    with open_bytes(member) as stream:
        assert stream.read() == file.read_bytes()
        stream.seek(-4, 2)
        assert stream.read(100) == file.read_bytes()[-4:]
        with pytest.raises(OSError, match="nothing before"):
            stream.seek(-1)


def test_what_is_not_in_it_is_told(shard):
    with pytest.raises(MediaError, match=r"none\.mp4' cannot be read: Not a directory"):
        local_file(shard / "none.mp4")
    with pytest.raises(MediaError, match=r"is empty \(zero bytes\)"):
        local_file(shard / "in" / "empty.wav")
    shard.write_bytes(b"no tar at all")
    with pytest.raises(MediaError, match="cannot be read: Not a directory"):
        local_file(shard / "in" / "a.mp4")
