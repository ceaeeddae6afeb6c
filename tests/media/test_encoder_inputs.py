from itertools import pairwise

import pytest
import torch

from videollama.media.encoder_inputs import SEGMENT_SAMPLES, covering_starts, segment_values


@pytest.mark.parametrize(
    ("seconds", "starts_seconds"),
    [
        (0.5, [0.0]),
        (2.0, [0.0]),
        (3.0, [0.0, 1.0]),
        (5.0, [0.0, 1.5, 3.0]),
        (16.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]),
        (72.0, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]),
    ],
)
def test_segments_reach_from_the_first_moment_to_the_last(seconds, starts_seconds):
    starts = covering_starts(int(seconds * 16_000), max_segments=8)
    assert [start / 16_000 for start in starts] == starts_seconds


def test_every_moment_of_a_short_sound_is_heard():
    for num_samples in range(1, 16 * 16_000, 7919):
        starts = covering_starts(num_samples, max_segments=8)
        gaps = [second - first for first, second in pairwise(starts)]
        assert max(gaps, default=0) <= SEGMENT_SAMPLES
        assert starts[-1] + SEGMENT_SAMPLES >= num_samples


def test_a_segment_does_not_depend_on_its_neighbours(tiny_config):
    generator = torch.Generator().manual_seed(0)
    sound = torch.rand(1, 4 * 16_000, generator=generator) - 0.5
    both = segment_values(sound, tiny_config)
    second = segment_values(sound[:, SEGMENT_SAMPLES:], tiny_config)
    assert both.shape == (2, 1, 128, 204)
    assert torch.equal(both[1:], second)
