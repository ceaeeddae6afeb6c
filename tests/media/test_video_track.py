import pytest

from tests.synthetic import moving_square, numbered_frames, turn_clockwise, write_frames
from videollama.errors import MediaError
from videollama.media.container import opened
from videollama.media.packet_scan import scan_packets
from videollama.media.video_track import (
    decoded_frames,
    read_frames,
    upright_filters,
    upright_size,
)


def timeline_of(path):
    with opened(path) as container:
        return scan_packets(container, container.streams.video[0], None).timeline


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "h264"])
def test_wanted_frames_are_the_right_ones(tmp_path, suffix):
    codec = "mpeg4" if suffix == "avi" else "libx264"
    file = write_frames(tmp_path / f"a.{suffix}", numbered_frames(30), codec=codec, key_every=6)
    frames, replaced = read_frames(file, 0, timeline_of(file), [0, 7, 12, 29], (16, 16))
    assert replaced == 0
    greys = frames.float().mean((1, 2, 3)).tolist()
    assert greys == pytest.approx([20, 48, 68, 136], abs=3)


def test_an_upright_frame_needs_no_filter_and_a_turned_one_does(tmp_path):
    picture = [moving_square(0.5, (32, 64))]
    upright = write_frames(tmp_path / "a.mp4", picture)
    turned = turn_clockwise(write_frames(tmp_path / "b.mp4", picture))
    for path, filters, size in (
        (upright, (), (32, 64)),
        (turned, (("transpose", "clock"),), (64, 32)),
    ):
        with opened(path) as container:
            frame = next(decoded_frames(container, container.streams.video[0]))
            assert upright_filters(frame) == filters
            assert upright_size(frame) == size


def test_frames_that_cannot_be_decoded_are_replaced_or_told(tmp_path):
    file = write_frames(tmp_path / "a.mkv", numbered_frames(20), codec="ffv1", key_every=1)
    timeline = timeline_of(file)
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    file.write_bytes(data)
    frames, replaced = read_frames(file, 0, timeline, range(20), None)
    assert frames.shape[0] == 20
    assert replaced > 0


def test_a_video_of_which_nothing_decodes_is_told(tmp_path):
    file = write_frames(tmp_path / "a.mp4", numbered_frames(10))
    timeline = timeline_of(file)
    data = bytearray(file.read_bytes())
    begin = data.index(b"mdat") + 4
    data[begin : data.index(b"moov") - 4] = bytes(data.index(b"moov") - 4 - begin)
    file.write_bytes(data)
    with pytest.raises(MediaError, match=r"No frame of .* could be decoded"):
        read_frames(file, 0, timeline, [0, 5], None)
