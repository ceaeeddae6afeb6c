from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.synthetic import waveform
from videollama.media.audio import audio_segments, fbank, segment_timepoints


@given(st.fractions(0, 5000), st.integers(1, 40))
def test_segments_begin_evenly_and_inside_the_sound(duration, count):
    points = segment_timepoints(duration, count)
    starts = [start for start, _ in points]
    assert len(points) == count
    assert all(end - start == 2 for start, end in points)
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert all(start + 2 <= max(duration, 2) for start in starts)


def test_the_step_leaves_out_the_tail():
    assert segment_timepoints(5, 3) == [(0, 2), (1, 3), (2, 4)]
    assert segment_timepoints(Fraction(5, 2), 2)[1] == (Fraction(1, 4), Fraction(9, 4))


def test_a_tone_is_loudest_in_its_own_bin():
    tone = torch.from_numpy(waveform(1.0, tone=True))
    mel = fbank(tone)
    assert mel.shape == (98, 128)
    assert (mel.argmax(dim=1) == mel[0].argmax()).all()
    assert 17 <= int(mel[0].argmax()) <= 25  # 440 Hz


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40_000), st.integers(1, 3), st.integers(1, 9))
def test_any_sound_gives_finite_segments_of_one_shape(samples, channels, count):
    sound = torch.randn(channels, samples, generator=torch.Generator().manual_seed(samples))
    segments = audio_segments(sound, count)
    assert segments.shape == (count, 1, 128, 204)
    assert segments.isfinite().all()


def test_padding_and_digital_silence_are_told_apart():
    segments = audio_segments(torch.zeros(1, 16_000), 1)
    assert segments[0, 0, :, :98].unique().item() == pytest.approx(-1.27756, abs=1e-5)
    assert segments[0, 0, :, 98:].unique().item() == pytest.approx(0.46706, abs=1e-5)


def test_carried_means_leave_the_sound_itself_alone():
    sound = torch.linspace(-1, 1, 40_000)[None] + 0.01 * torch.randn(1, 40_000)
    before = sound.clone()
    carried = audio_segments(sound, 8, carry_means=True)
    assert torch.equal(sound, before)
    assert not torch.allclose(carried, audio_segments(sound, 8), atol=1e-3)
