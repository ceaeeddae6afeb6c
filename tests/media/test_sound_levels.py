import numpy as np
import pytest
import torch

from tests.synthetic import waveform
from videollama.media.sound_levels import LevelMeter


def measured(*parts, piece=1000):
    """The spans of a sound made of (seconds, loudness), which comes in pieces."""
    sound = np.concatenate([loud * waveform(seconds, tone=True) for seconds, loud in parts])
    meter = LevelMeter()
    for first in range(0, len(sound), piece):
        meter.add(torch.from_numpy(sound[None, first : first + piece]))
    return meter.finish()


def test_spans_are_where_something_can_be_heard():
    spans = measured(
        (1.0, 0), (0.5, 1), (2.0, 0), (0.3, 1), (0.3, 0), (0.4, 1), (1.0, 0)
    ).active_spans()
    assert spans == [pytest.approx((1.0, 1.5)), pytest.approx((3.5, 4.5))]


def test_what_is_much_softer_than_the_rest_is_background():
    assert measured((1.0, 0.005), (1.0, 1.0)).active_spans() == [pytest.approx((1.0, 2.0))]
    assert measured((1.0, 0.005), (1.0, 0.02)).active_spans() == [pytest.approx((0.0, 2.0))]


def test_silence_and_no_sound_at_all_have_no_spans():
    assert measured((1.0, 0)).active_spans() == []
    assert LevelMeter().finish().active_spans() == []
    assert LevelMeter().finish().is_silent
