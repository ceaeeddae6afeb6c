import resource
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.synthetic import (
    cut_off,
    moving_square,
    numbered_frames,
    turn_clockwise,
    two_scenes,
    write_clip,
    write_frames,
    write_picture,
    write_sound,
)
from videollama.errors import InputError, MediaError
from videollama.media.audio import SAMPLE_RATE
from videollama.media.decode import probe, read_clip
from videollama.media.encoder_inputs import covering_starts
from videollama.media.frame_sampling import FrameSampling


def greys(clip):
    """The mean grey of each frame."""
    return clip.frames.float().mean(dim=(1, 2, 3))


def test_a_clip_has_frames_with_times_and_the_sound(clip_file):
    clip = read_clip(clip_file)
    assert clip.kind == "video"
    assert clip.frames.shape == (8, 64, 96, 3)
    assert clip.frames.dtype == torch.uint8
    expected = (0.0, 0.2, 0.5, 0.7, 1.0, 1.2, 1.5, 1.7)
    assert clip.frame_times_seconds == pytest.approx(expected)
    assert clip.frames_per_second == pytest.approx(10.0)
    assert clip.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert clip.audio_status == "present"
    assert clip.waveform.shape[0] == 1
    assert clip.waveform.shape[1] == pytest.approx(32_000, abs=2048)
    loudness = clip.waveform[:, 4000:28_000].pow(2).mean().sqrt()
    assert loudness == pytest.approx(0.3 / 2**0.5, rel=0.05)
    assert clip.warnings == ()


def test_the_square_moves_from_frame_to_frame(clip_file):
    bright = read_clip(clip_file).frames[..., 0].float() > 128
    columns = torch.arange(bright.shape[2])
    centres = (bright * columns).sum((1, 2)) / bright.sum((1, 2))
    assert (centres.diff() > 3).all()


@pytest.mark.parametrize(
    ("sound", "status", "fact"),
    [
        ("tone", "present", "there is sound"),
        ("silence", "silent", "the sound track is silent"),
        (None, "absent", "video has no audio track"),
    ],
)
def test_three_states_of_the_sound_are_told_apart(tmp_path, sound, status, fact):
    clip = read_clip(write_clip(tmp_path / "clip.mp4", sound=sound))
    assert (clip.audio_status, clip.audio_fact) == (status, fact)
    assert (clip.waveform is None) == (sound is None)


def test_a_sound_track_of_garbage_is_undecodable_but_the_picture_is_read(tmp_path, monkeypatch):
    from videollama.media import sound_track

    def refuse(self, packet):
        self.broken_packets += 1

    monkeypatch.setattr(sound_track.SoundTrack, "push", refuse)
    clip = read_clip(write_clip(tmp_path / "clip.mp4"))
    assert clip.audio_status == "undecodable"
    assert clip.warnings == ("audio track could not be decoded",)
    assert clip.frames is not None


def test_sound_that_is_not_wanted_is_not_decoded(clip_file):
    clip = read_clip(clip_file, want_audio=False)
    assert (clip.audio_status, clip.waveform) == ("not_requested", None)


def test_a_sound_file_has_no_frames(tmp_path):
    clip = read_clip(write_sound(tmp_path / "tone.wav", seconds=3.0))
    assert (clip.kind, clip.frames, clip.frame_times_seconds) == ("audio", None, ())
    assert clip.waveform.shape == (1, 48_000)
    assert clip.duration_seconds == pytest.approx(3.0)


def test_a_part_of_a_clip_has_its_frames_and_its_sound(tmp_path):
    file = write_clip(tmp_path / "clip.mp4", seconds=6.0)
    clip = read_clip(file, FrameSampling(4, start_seconds=2.0, end_seconds=4.0))
    assert clip.frame_times_seconds == pytest.approx((2.0, 2.5, 3.0, 3.5))
    assert clip.start_seconds == 2.0
    assert clip.duration_seconds == pytest.approx(2.0)
    whole = read_clip(file).waveform
    assert clip.waveform.shape == (1, 32_000)
    torch.testing.assert_close(clip.waveform, whole[:, 32_000:64_000], atol=1e-4, rtol=0)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(1, 30), st.floats(0, 4), st.floats(0.1, 4))
def test_seeking_finds_the_frames_of_sequential_decoding(long_clips, count, start, length):
    for file in long_clips:
        every = read_clip(file, FrameSampling(1000), want_audio=False)
        sampling = FrameSampling(count, start_seconds=start, end_seconds=start + length)
        clip = read_clip(file, sampling, want_audio=False)
        numbers = [every.frame_times_seconds.index(t) for t in clip.frame_times_seconds]
        assert torch.equal(clip.frames, every.frames[numbers]), file.name


@pytest.fixture(scope="module")
def long_clips(tmp_path_factory):
    """Many keyframes, also such with frames that are shown before and depend on those after."""
    folder = tmp_path_factory.mktemp("long")
    pictures = [moving_square(number / 60, (48, 64)) for number in range(60)]
    return [
        write_frames(folder / "closed.mp4", pictures, key_every=7),
        write_frames(
            folder / "open.mkv",
            pictures,
            key_every=9,
            options={"x264-params": "open-gop=1:bframes=3"},
        ),
        write_frames(folder / "intra.mp4", pictures, key_every=1),
        write_frames(folder / "parts.avi", pictures, codec="mpeg4", key_every=8),
        write_frames(folder / "stream.ts", pictures, key_every=8),
    ]


def test_variable_frame_rate_keeps_the_true_times(tmp_path):
    times = [0, 40, 80, 1000, 1040, 3000, 3040, 3080]
    file = write_frames(tmp_path / "vfr.mkv", numbered_frames(8), times_ms=times)
    clip = read_clip(file)
    assert clip.frame_times_seconds == pytest.approx([time / 1000 for time in times])
    assert greys(clip).tolist() == pytest.approx([20 + 4 * n for n in range(8)], abs=2)


def test_rotation_is_applied_and_its_size_told(tmp_path):
    pictures = [moving_square(0.0, (48, 96))] * 3
    upright = read_clip(write_frames(tmp_path / "upright.mp4", pictures))
    turned_file = turn_clockwise(write_frames(tmp_path / "turned.mp4", pictures))
    turned = read_clip(turned_file)
    assert turned.frames.shape == (3, 96, 48, 3)
    assert torch.equal(turned.frames, upright.frames.rot90(-1, (1, 2)))
    info = probe(turned_file)
    assert (info.frame_size, info.rotation_degrees) == ((96, 48), 90)


def test_a_cut_is_seen_at_its_time(tmp_path):
    clip = read_clip(write_frames(tmp_path / "cut.mp4", two_scenes(20)), FrameSampling(20))
    red, blue = clip.frames[..., 0].float().mean((1, 2)), clip.frames[..., 2].float().mean((1, 2))
    times = torch.tensor(clip.frame_times_seconds)
    assert torch.equal(red > blue, times < 0.95)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "size"),
    [
        ("odd.mkv", "ffv1", "yuv444p", (33, 47)),
        ("odd420.webm", "libvpx-vp9", "yuv420p", (33, 47)),
        ("ten_bits.mp4", "libx264", "yuv420p10le", (48, 64)),
        ("hevc.mp4", "libx265", "yuv420p", (64, 64)),
        ("alpha.mov", "qtrle", "argb", (48, 64)),
        ("motion_jpeg.avi", "mjpeg", "yuvj420p", (48, 64)),
        ("anim.gif", "gif", "rgb8", (48, 64)),
    ],
)
def test_codecs_depths_and_odd_sizes(tmp_path, name, codec, pixel_format, size):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else None
    file = write_frames(
        tmp_path / name,
        numbered_frames(10, size),
        codec=codec,
        pixel_format=pixel_format,
        options=options,
    )
    clip = read_clip(file, FrameSampling(5))
    assert clip.frames.shape == (5, *size, 3)
    assert greys(clip).tolist() == pytest.approx([20, 28, 36, 44, 52], abs=20)
    assert greys(clip)[-1] > greys(clip)[0] + 20
    assert probe(file).frame_count == 10


def test_frames_are_scaled_while_decoding(clip_file):
    clip = read_clip(clip_file, frame_size=(30, 20))
    assert clip.frames.shape == (8, 30, 20, 3)


def test_one_frame_is_a_video_of_one_frame(tmp_path):
    clip = read_clip(write_frames(tmp_path / "one.mp4", numbered_frames(1)))
    assert clip.kind == "video"
    assert clip.frame_times_seconds == (0.0,)


def test_a_truncated_file_gives_what_is_there(tmp_path):
    file = write_frames(tmp_path / "cut.mkv", numbered_frames(60), codec="ffv1", key_every=1)
    clip = read_clip(cut_off(file), FrameSampling(4))
    assert clip.frames.shape[0] == 4
    assert 2.5 < clip.duration_seconds < 4.5


def encrypted_clip(path: Path) -> Path:
    import av

    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "00112233445566778899aabbccddeeff",
    }
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream("mpeg4", rate=10)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        for picture in numbered_frames(5):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def text_as_mp4(path: Path) -> Path:
    path.write_text("This is not a film.\n" * 100)
    return path


def headless(path: Path) -> Path:
    """An mp4 whose end, with the index, is missing."""
    return cut_off(write_clip(path, sound=None), 0.5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (encrypted_clip, "is encrypted"),
        (text_as_mp4, "is not a video, image or sound"),
        (headless, "is not a video, image or sound"),
        (
            lambda path: write_frames(path, []) if False else path.write_bytes(b"") or path,
            "is empty",
        ),
    ],
    ids=["encrypted", "text", "truncated", "empty"],
)
def test_what_cannot_be_read_is_told_in_one_sentence(tmp_path, make, sentence):
    file = make(tmp_path / "bad.mp4")
    for read in (read_clip, probe):
        with pytest.raises(MediaError, match=sentence) as caught:
            read(file)
        assert str(file) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_memory_does_not_grow_with_the_length_of_the_file(tmp_path):
    pictures = [np.zeros((720, 1280, 3), dtype=np.uint8)] * 150  # 415 MB if all were kept
    file = write_frames(tmp_path / "long.mp4", pictures, options={"preset": "ultrafast"})
    read_clip(file, frame_size=(64, 64))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read_clip(file, frame_size=(64, 64))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) / 1024 < 100


def test_too_many_frames_are_refused_before_the_sound_is_decoded(tmp_path, monkeypatch):
    from videollama.media import frame_memory

    file = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(frame_memory, "MOST_FRAME_BYTES", 10 * 3 * 32 * 32)
    assert len(read_clip(file, FrameSampling(10), frame_size=(32, 32)).frames) == 10
    for sampling in (FrameSampling(11), FrameSampling(frames_per_second=10)):
        with pytest.raises(InputError, match="at most 10 frames"):
            read_clip(file, sampling, frame_size=(32, 32))


def test_an_image_is_one_frame_without_sound(tmp_path):
    clip = read_clip(write_picture(tmp_path / "a.png"))
    assert (clip.kind, clip.audio_status) == ("image", "absent")
    assert clip.audio_fact == "an image has no sound"
    assert clip.frames.shape == (1, 64, 96, 3)
    assert (clip.duration_seconds, clip.frames_per_second) == (0.0, None)


def test_probe_tells_what_read_clip_gives(clip_file):
    sampling = FrameSampling(5, start_seconds=0.5)
    clip, info = read_clip(clip_file, sampling), probe(clip_file, sampling)
    assert info.sampled_times_seconds == clip.frame_times_seconds
    assert info.audio_status == clip.audio_status
    assert [stream.kind for stream in info.streams if stream.used] == ["video", "audio"]
    starts = covering_starts(clip.waveform.shape[1], 8)
    heard = [round((start - 0.5) * SAMPLE_RATE) for start, _ in info.audio_segments_seconds]
    assert heard == starts  # those that the built-in model gets
    assert info.audio_segments_seconds[-1][1] == pytest.approx(
        0.5 + clip.waveform.shape[1] / SAMPLE_RATE
    )
    assert info.duration_seconds == pytest.approx(2.0, abs=0.1)


def test_probe_names_no_segments_of_silence(tmp_path):
    info = probe(write_clip(tmp_path / "a.mp4", sound="silence"))
    assert (info.audio_status, info.audio_segments_seconds) == ("silent", ())


@pytest.mark.parametrize("look", [probe, read_clip])
def test_a_picture_of_an_unknown_codec_is_told_where_only_sound_is_left(clip_file, tmp_path, look):
    strange = tmp_path / "strange.mp4"
    strange.write_bytes(clip_file.read_bytes().replace(b"avc1", b"zzzz"))
    told = look(strange)
    assert told.kind == "audio"
    assert "the video stream has a codec that is not known; only the sound was read" in (
        told.warnings
    )


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=40)), max_size=6))
def test_damaged_bytes_give_a_clip_or_a_sentence(clip_file, tmp_path, damages):
    data = bytearray(clip_file.read_bytes())
    for share, noise in damages:
        begin = int(share * (len(data) - len(noise)))
        data[begin : begin + len(noise)] = noise
    file = tmp_path / "damaged.mp4"
    file.write_bytes(data)
    begin = time.monotonic()
    sentence = ""
    try:
        clip = read_clip(file, frame_size=(32, 32))
    except (MediaError, InputError) as error:
        sentence = str(error)
    else:
        assert clip.frames is not None or clip.waveform is not None
    assert "\n" not in sentence
    assert time.monotonic() - begin < 20
