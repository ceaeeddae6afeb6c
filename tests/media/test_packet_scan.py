from types import SimpleNamespace

import pytest

from tests.synthetic import numbered_frames, write_frames
from videollama.media.container import opened
from videollama.media.packet_scan import scan_packets, timeline_without_stamps


class OlderPacket:
    """A packet of PyAV 15, which knows no side data."""

    def __init__(self, packet):
        for name in ("size", "stream_index", "is_discard", "pts", "duration", "is_keyframe"):
            setattr(self, name, getattr(packet, name))


def scan(path):
    with opened(path) as container:
        return scan_packets(container, container.streams.video[0], None)


def test_times_and_keyframes_without_decoding(tmp_path):
    file = write_frames(tmp_path / "a.mp4", numbered_frames(25), key_every=10)
    timeline = scan(file).timeline
    assert timeline.times_seconds == pytest.approx([number / 10 for number in range(25)])
    assert timeline.duration_seconds == pytest.approx(2.5)
    assert timeline.frames_per_second == pytest.approx(10.0)
    assert timeline.seekable
    assert [timeline.stamps.index(key) for key in timeline.keyframes] == [0, 10, 20]


def test_files_without_stamps_get_the_stated_rate(tmp_path):
    file = write_frames(tmp_path / "a.h264", numbered_frames(10))
    timeline = scan(file).timeline
    assert not timeline.seekable
    assert len(timeline.stamps) == 10
    with opened(file) as container:
        assert timeline_without_stamps(0, container.streams.video[0]) is None


def test_no_streams_give_nothing(tmp_path):
    with opened(write_frames(tmp_path / "a.mp4", numbered_frames(2))) as container:
        assert scan_packets(container, None, None).timeline is None


def test_packets_of_pyav_15_are_read_like_others(tmp_path):
    file = write_frames(tmp_path / "a.mp4", numbered_frames(25), key_every=10)
    with opened(file) as container:
        video = container.streams.video[0]
        older = SimpleNamespace(demux=lambda streams: map(OlderPacket, container.demux(streams)))
        assert scan_packets(older, video, None) == scan(file)
