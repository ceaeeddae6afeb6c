import copy

import torch

from videollama.training.projection_start import start_frame_positions, word_directions


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


def test_a_film_and_its_reverse_begin_apart_and_a_picture_stays(tiny_model):
    model = copy.deepcopy(tiny_model)
    places = model.frame_position_embedding.weight.detach().clone()
    width = model.config.vision_config.hidden_size
    scenes = torch.randn(2, 1, 4, width, generator=torch.Generator().manual_seed(0))
    first, last = scenes.expand(2, 4, 4, width)

    def distance() -> float:
        with torch.no_grad():
            film = model.encode_video(torch.cat([first, last])[None])
            reverse = model.encode_video(torch.cat([last, first])[None])
        return float((film - reverse).norm() / film.norm())

    before = distance()
    start_frame_positions(model)
    assert distance() > 2 * before
    assert torch.equal(model.frame_position_embedding.weight[0], places[0])
