import torch

from videollama.training.projection_start import word_directions


def test_the_first_directions_are_those_that_tell_words_apart():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(400, 2, generator=generator)
    mixing = torch.linalg.qr(torch.randn(10, 10, generator=generator)).Q
    noise = 3 * torch.randn(400, 8, generator=generator)  # the loudest directions tell nothing
    features = torch.cat([hidden, noise], dim=1) @ mixing.T
    shares = (torch.stack([hidden[:, 0], hidden[:, 1], -hidden[:, 0]], dim=1) > 0).float()

    directions = word_directions(features, shares)
    assert directions.shape == (10, 3)
    telling = mixing[:, :2]
    for direction in directions.T[:2]:
        within = (telling.T @ direction).norm() / direction.norm()
        assert within > 0.9
