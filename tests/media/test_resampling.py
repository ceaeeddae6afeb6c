import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videollama.media.resampling import Resampler, is_practical, resample


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_keeps_its_frequency_and_loudness(rate):
    time = torch.arange(rate, dtype=torch.float64) / rate
    tone = torch.sin(2 * torch.pi * 440 * time).float()[None]
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(16_000) / 16_000)
    actual = resample(tone, rate, 16_000)[0]
    assert actual.shape == (16_000,)
    assert (actual - expected)[200:-200].abs().max() < 5e-3


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([8000, 22_050, 44_100, 48_000]),
    st.lists(st.integers(1, 3000), min_size=1, max_size=6),
)
def test_pieces_give_the_samples_of_the_whole(rate, lengths):
    sound = torch.randn(2, sum(lengths), generator=torch.Generator().manual_seed(1))
    resampler = Resampler(rate, 16_000)
    pieces = [resampler.push(piece) for piece in sound.split(lengths, dim=1)]
    joined = torch.cat([*pieces, resampler.finish()], dim=1)
    assert joined.shape[1] == -(-sum(lengths) * 16_000 // rate)
    torch.testing.assert_close(joined, resample(sound, rate, 16_000), atol=1e-6, rtol=0)


def test_exotic_rates_are_known_to_need_too_much_memory():
    assert is_practical(44_100, 16_000)
    assert not is_practical(96_001, 16_000)
