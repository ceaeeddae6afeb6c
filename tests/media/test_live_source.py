"""A source is read at its own pace, and a stream that breaks off is opened again."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch

from tests.synthetic import write_clip, write_sound
from videollama.errors import MediaError
from videollama.media import live_source
from videollama.media.audio import SAMPLE_RATE
from videollama.media.live_source import LiveSource


class Listening:
    def __init__(self):
        self.frames, self.sounds = [], []

    def see(self, time_seconds, frame):
        self.frames.append((time_seconds, frame))

    def hear(self, time_seconds, samples):
        self.sounds.append((time_seconds, samples))


@pytest.fixture
def clock(monkeypatch):
    """Time passes only where the source waits for it."""

    class Clock:
        now = 100.0

    def wait(source, seconds):
        Clock.now += seconds

    monkeypatch.setattr(live_source, "monotonic", lambda: Clock.now)
    monkeypatch.setattr(LiveSource, "_wait", wait)
    return Clock


def played(source, *, rate=2.0, listening=None):
    told, listening = [], listening or Listening()
    LiveSource(str(source), 32, rate, told.append).run(listening)
    return told, listening


def test_a_file_gives_so_many_frames_a_second_and_all_of_its_sound(tmp_path, clock):
    file = write_clip(tmp_path / "film.mp4", seconds=3.0)
    told, listening = played(file)
    times = [time for time, _ in listening.frames]
    assert times == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.5], abs=0.11)
    assert all(frame.shape == (32, 32, 3) for _, frame in listening.frames)
    assert all(frame.dtype == torch.uint8 for _, frame in listening.frames)
    heard = sum(samples.shape[1] for _, samples in listening.sounds)
    assert heard == pytest.approx(3.0 * SAMPLE_RATE, abs=2048)
    assert not told


def test_a_file_is_held_back_to_its_own_pace(tmp_path, clock):
    played(write_clip(tmp_path / "film.mp4", seconds=2.0))
    assert clock.now == pytest.approx(102.0, abs=0.15)


def test_a_sound_file_is_heard(tmp_path, clock):
    _, listening = played(write_sound(tmp_path / "tone.wav"))
    assert not listening.frames
    assert listening.sounds


def test_what_comes_too_late_is_caught_up_with_and_told(tmp_path, clock):
    class Slow(Listening):
        """Needs five seconds for one frame, once."""

        def see(self, time_seconds, frame):
            clock.now += 5.0 if len(self.frames) == 10 else 0.0
            super().see(time_seconds, frame)

    file = write_clip(tmp_path / "film.mp4", seconds=20.0)
    told, listening = played(file, rate=10.0, listening=Slow())
    assert len(told) == 2
    assert "behind; pictures are left out" in told[0]
    assert told[1] == "in time again."
    assert 11 <= len(listening.frames) < 190
    assert [time for time, _ in listening.frames] == sorted(time for time, _ in listening.frames)
    assert sum(samples.shape[1] for _, samples in listening.sounds) > 19 * SAMPLE_RATE


def test_it_ends_when_it_is_told_to(tmp_path):
    source = LiveSource(str(write_clip(tmp_path / "film.mp4", seconds=30.0)), 32, 2.0, print)
    reading = Thread(target=source.run, args=(Listening(),))
    reading.start()
    source.stop()
    reading.join(timeout=10)
    assert not reading.is_alive()


@pytest.fixture
def stream(tmp_path):
    """An address of a stream that breaks off after a second, twice, and then stays away."""
    file = write_clip(tmp_path / "film.ts", seconds=1.0)

    class Handler(BaseHTTPRequestHandler):
        times_left = 2

        def do_GET(self):
            self.send_response(200 if Handler.times_left else 404)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            if Handler.times_left:
                Handler.times_left -= 1
                self.wfile.write(file.read_bytes())

        def log_message(self, *arguments):
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/live.ts"
    server.shutdown()
    server.server_close()


def test_a_stream_that_breaks_off_is_opened_again_until_it_stays_away(stream, clock):
    told, listening = [], Listening()
    with pytest.raises(MediaError, match=r"away for 5 minutes: .*404"):
        LiveSource(stream, 32, 4.0, told.append).run(listening)
    assert told[0].startswith(f"{stream} is lost: ")
    assert told[1] == f"{stream} is back."
    times = [time for time, _ in listening.frames]
    assert times == sorted(times)


def test_an_address_where_nothing_is_says_so():
    with pytest.raises(MediaError, match=r"http://127\.0\.0\.1:9/x cannot be read: .+\.$"):
        played("http://127.0.0.1:9/x")


def test_a_file_that_is_not_there_says_so_at_once(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        LiveSource(str(tmp_path / "none.mp4"), 32, 2.0, print)


def test_a_stream_that_begins_anew_in_another_size_goes_on(tmp_path, clock):
    both = b"".join(
        write_clip(tmp_path / f"{number}.ts", seconds=1.0, size=size).read_bytes()
        for number, size in enumerate([(64, 96), (96, 128)])
    )
    file = tmp_path / "changing.ts"
    file.write_bytes(both)
    _, listening = played(file, rate=10.0)
    assert {tuple(frame.shape) for _, frame in listening.frames} == {(32, 32, 3)}
    times = [time for time, _ in listening.frames]
    assert times == sorted(times)
    assert times[-1] - times[0] == pytest.approx(1.9, abs=0.6)
