import pytest
import torch

from videollama.training.moving_average import MovingAverage


def test_it_follows_quickly_at_first_and_slowly_later():
    weights = {"w": torch.zeros(2), "count": torch.tensor(0)}
    average = MovingAverage(0.5, lambda: weights)
    weights["w"].fill_(1.0)
    weights["count"].fill_(3)
    average.follow(1)
    assert average.tensors["w"].tolist() == pytest.approx([1 - 2 / 11] * 2)
    assert average.tensors["count"] == 3
    before = average.tensors["w"].clone()
    average.follow(1000)
    torch.testing.assert_close(average.tensors["w"], 0.5 * before + 0.5)


def test_it_takes_the_place_of_the_weights_for_a_while():
    weights = {"w": torch.zeros(1)}
    average = MovingAverage(0.9, lambda: weights)
    weights["w"].fill_(1.0)
    with average.in_place():
        assert weights["w"].item() == 0.0
    assert weights["w"].item() == 1.0
    assert average.tensors["w"].item() == 0.0
