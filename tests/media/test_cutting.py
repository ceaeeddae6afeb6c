import errno
import math
from itertools import pairwise

import av
import numpy as np
import pytest

from tests.synthetic import numbered_frames, turn_clockwise, write_clip, write_frames
from videollama.errors import MediaError
from videollama.media.cutting import Part, cut
from videollama.media.overview import look_over

RATE = 25
FLASHES = (20, 45, 70)  # frames that are white, and at which a beep begins


def write_flashes(path, *, key_every=25, options=None):
    """Four seconds, black and silent, with three white frames and a beep at each."""
    with av.open(str(path), "w") as container:
        settings = {"sc_threshold": "0", **(options or {})}
        video = container.add_stream("libx264", rate=RATE, options=settings)
        video.width, video.height, video.pix_fmt, video.gop_size = 64, 48, "yuv420p", key_every
        audio = container.add_stream("aac", rate=44_100, layout="stereo")
        for number in range(4 * RATE):
            picture = np.full((48, 64, 3), 255 * (number in FLASHES), dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        samples = np.zeros((2, 4 * 44_100), dtype=np.float32)
        tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4_410) / 44_100)
        for number in FLASHES:
            samples[:, number * 44_100 // RATE :][:, :4_410] = tone
        for first in range(0, samples.shape[1], 1024):
            chunk = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[:, first : first + 1024]), "fltp", "stereo"
            )
            chunk.sample_rate, chunk.pts = 44_100, first
            container.mux(audio.encode(chunk))
        container.mux(audio.encode())
    return path


def cut_of(path, target, *parts):
    found = look_over(path).found
    form = "matroska" if target.suffix == ".mkv" else "mp4"
    return cut(path, found, [Part(*part) for part in parts], target, form)


def pictures_of(path):
    """Time and brightness of every frame."""
    with av.open(str(path)) as container:
        return [(f.time, f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]


def sound_of(path):
    """Time of the first sample, the samples of the first channel, their rate."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return frames[0].time, np.concatenate([f.to_ndarray()[0] for f in frames]), frames[0].rate


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("parts", "copied"),
    [
        (((13, 38), (62, 90)), False),
        (((0, 25), (50, 75)), True),
        (((0, 25), (50, 74)), False),  # a later frame is decoded before its last
        (((25, 100),), True),
    ],
    ids=["between keyframes", "keyframes", "ends between", "to the end"],
)
def test_flashes_and_beeps_stay_together(tmp_path, parts, copied, suffix):
    target = tmp_path / f"cut{suffix}"
    film = write_flashes(tmp_path / "film.mp4")
    is_copied = cut_of(film, target, *parts)
    if copied or parts[0][0]:  # whether the last frames stand together is the encoder's choice
        assert is_copied == copied
    pictures = pictures_of(target)
    count = sum(stop - first for first, stop in parts)
    assert [time for time, _ in pictures] == pytest.approx(np.arange(count) / RATE, abs=0.0015)
    begin, samples, rate = sound_of(target)
    assert begin == pytest.approx(0, abs=0.0015)
    assert len(samples) / rate == pytest.approx(count / RATE, abs=0.024)  # one packet of AAC
    flashes = [time for time, brightness in pictures if brightness > 128]
    assert len(flashes) == sum(first <= f < stop for f in FLASHES for first, stop in parts)
    loud = np.flatnonzero(np.abs(samples) > 0.1) / rate + begin
    onsets = [loud[0], *(b for a, b in pairwise(loud) if b - a > 0.1)]
    assert onsets == pytest.approx(flashes, abs=0.01)


def test_copied_frames_are_the_bytes_of_the_film(tmp_path):
    film = write_flashes(tmp_path / "film.mp4")
    assert cut_of(film, tmp_path / "cut.mp4", (25, 50))

    def packets(path):
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(video=0) if packet.size]

    assert packets(tmp_path / "cut.mp4") == packets(film)[25:50]


def test_frames_that_are_encoded_anew_are_those_wanted(tmp_path):
    film = write_frames(tmp_path / "film.mp4", numbered_frames(40))
    assert not cut_of(film, tmp_path / "cut.mp4", (5, 9), (20, 23))
    shown = [brightness for _, brightness in pictures_of(tmp_path / "cut.mp4")]
    everything = [brightness for _, brightness in pictures_of(film)]
    assert shown == pytest.approx([*everything[5:9], *everything[20:23]], abs=1.5)


def test_uneven_times_and_odd_sizes_are_kept(tmp_path):
    times = [0, 100, 350, 400, 900, 1000]
    frames = numbered_frames(6, (47, 63))
    film = write_frames(tmp_path / "film.mkv", frames, codec="ffv1", times_ms=times)
    assert not cut_of(film, tmp_path / "cut.mp4", (1, 3), (4, 6))
    assert [time for time, _ in pictures_of(tmp_path / "cut.mp4")] == pytest.approx(
        [0, 0.25, 0.3, 0.4]
    )
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert (container.streams.video[0].height, container.streams.video[0].width) == (46, 62)


@pytest.mark.parametrize("parts", [(0, 20), (3, 9)], ids=["copied", "encoded anew"])
def test_a_film_that_is_to_be_turned_is_shown_upright(tmp_path, parts):
    film = turn_clockwise(write_clip(tmp_path / "film.mp4", sound=None))
    is_copied = cut_of(film, tmp_path / "cut.mp4", parts)
    assert is_copied == (parts == (0, 20))
    cut_film = look_over(tmp_path / "cut.mp4")
    assert cut_film.found.rotation_degrees == (90 if is_copied else 0)
    assert cut_film.frame_size == look_over(film).frame_size == (96, 64)
    assert cut_film.audio_status == "absent"


def test_sound_that_begins_late_leaves_silence(tmp_path):
    film, late = write_flashes(tmp_path / "film.mp4"), tmp_path / "late.mkv"
    with av.open(str(film)) as source, av.open(str(late), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is None or (
                packet.stream.type == "audio" and packet.pts * packet.time_base < 1.5
            ):
                continue
            packet.stream = streams[packet.stream_index]
            target.mux(packet)
    cut_of(late, tmp_path / "cut.mp4", (13, 60))
    _, samples, rate = sound_of(tmp_path / "cut.mp4")
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    assert loud[0] / rate == pytest.approx((FLASHES[1] - 13) / RATE, abs=0.01)
    assert math.isclose(len(samples) / rate, 47 / RATE, abs_tol=0.024)


def test_a_full_disk_is_an_error_of_the_system(tmp_path):
    film = write_flashes(tmp_path / "film.mp4")
    with pytest.raises(OSError, match="No space") as refused:
        cut(film, look_over(film).found, [Part(0, 50)], tmp_path.__class__("/dev/full"), "mp4")
    assert refused.value.errno == errno.ENOSPC


def test_a_sound_is_not_cut(tmp_path):
    from tests.synthetic import write_sound

    sound = write_sound(tmp_path / "a.wav")
    with pytest.raises(MediaError, match="has no picture"):
        cut(sound, look_over(sound).found, [Part(0, 1)], tmp_path / "a.mp4", "mp4")
