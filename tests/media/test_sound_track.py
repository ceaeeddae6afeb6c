import math
import wave

import av
import numpy as np
import pytest
import torch

from tests.synthetic import waveform, write_clip
from videollama.media.container import opened
from videollama.media.packet_scan import scan_packets
from videollama.media.sound_track import SoundTrack


def write_wav(path, samples, rate):
    """16-bit wav of `(channels, N)` in [-1, 1]."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples.T * 32767).round().astype("<i2").tobytes())
    return path


def decode(path, window=(0.0, math.inf), origin=None):
    with opened(path) as container:
        sound = SoundTrack(container.streams.best("audio"), origin, window)
        scan_packets(container, None, sound)
        return sound.finish()


def test_channels_stay_apart_and_keep_their_loudness(tmp_path):
    tone = waveform(1.0, tone=True)
    status, sound = decode(write_wav(tmp_path / "a.wav", np.stack([tone, 0 * tone]), 16_000))
    assert status == "present"
    assert sound.shape == (2, 16_000)
    torch.testing.assert_close(sound[0], torch.from_numpy(tone), atol=1e-4, rtol=0)
    assert not sound[1].any()


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 95_999])
def test_any_rate_becomes_16_khz(tmp_path, rate):
    time = np.arange(2 * rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)[None]
    _, sound = decode(write_wav(tmp_path / "a.wav", tone, rate))
    assert sound.shape[1] == pytest.approx(32_000, abs=64)
    spectrum = torch.fft.rfft(sound[0, :16_000]).abs()
    assert int(spectrum.argmax()) == 440
    assert spectrum.max() / 8000 == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("codec", "sample_format"), [("pcm_u8", "u8"), ("pcm_s32le", "s32"), ("pcm_f64le", "dbl")]
)
def test_sample_formats_keep_the_loudness(tmp_path, codec, sample_format):
    tone = waveform(1.0, tone=True)
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream(codec, rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[None], "fltp", "mono")
        frame.sample_rate = 16_000
        for piece in av.AudioResampler(sample_format, "mono", 16_000).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode())
    _, sound = decode(tmp_path / "a.wav")
    torch.testing.assert_close(sound[0], torch.from_numpy(tone), atol=0.01, rtol=0)


def test_very_soft_sound_is_not_silence_but_an_offset_is(tmp_path):
    soft = waveform(1.0, tone=True)[None] * 0.003
    assert decode(write_wav(tmp_path / "soft.wav", soft, 16_000))[0] == "present"
    offset = np.full((1, 16_000), 0.2)
    assert decode(write_wav(tmp_path / "offset.wav", offset, 16_000))[0] == "silent"


def test_a_window_keeps_only_its_samples(tmp_path):
    ramp = np.linspace(-0.9, 0.9, 32_000)[None]
    _, sound = decode(write_wav(tmp_path / "a.wav", ramp, 16_000), window=(0.5, 1.25))
    torch.testing.assert_close(
        sound, torch.from_numpy(ramp[:, 8000:20_000]).float(), atol=1e-4, rtol=0
    )


def test_sound_that_begins_after_the_picture_is_preceded_by_silence(tmp_path):
    file = write_clip(tmp_path / "a.mp4")
    _, at_once = decode(file, origin=0.0)
    _, later = decode(file, origin=-1.0)
    assert later.shape[1] == at_once.shape[1] + 16_000
    assert not later[:, :15_990].any()


def test_too_little_sound_is_filled_up_for_the_filter_banks(tmp_path):
    status, sound = decode(write_wav(tmp_path / "a.wav", np.eye(1, 10), 16_000))
    assert sound.shape == (1, 400)
    assert status == "present"


def test_a_track_without_samples_is_undecodable(tmp_path):
    file = write_wav(tmp_path / "a.wav", np.zeros((1, 0)), 16_000)
    assert decode(file) == ("undecodable", None)


@pytest.mark.parametrize("suffix", ["wav", "mkv"])
def test_a_long_sound_is_whole_whether_or_not_its_length_is_known_before(tmp_path, suffix):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 500_000))
    path = write_wav(tmp_path / "a.wav", noise, 16_000)
    if suffix == "mkv":
        with av.open(str(path)) as source, av.open(str(tmp_path / "a.mkv"), "w") as target:
            copy = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
        path = tmp_path / "a.mkv"
    _, sound = decode(path)
    expected = torch.from_numpy(noise).float()
    torch.testing.assert_close(sound, expected, atol=1e-4, rtol=0)


def test_a_sound_holds_no_more_memory_than_its_samples(tmp_path):
    _, sound = decode(write_wav(tmp_path / "a.wav", np.zeros((1, 16_000)), 16_000))
    assert sound.untyped_storage().nbytes() == 4 * sound.numel() == 64_000
