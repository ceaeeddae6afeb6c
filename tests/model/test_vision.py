"""The ViT against transformers' own, with random weights."""

import pytest
import torch
from transformers import Blip2QFormerModel, Blip2VisionModel

from tests.model.small_models import build, frames_for, released
from videollama.model.vision import resize_positions


@pytest.fixture(scope="module")
def model():
    return build(released())


def test_frames_agree_with_blip2(model):
    """`Blip2VisionModel` and `Blip2QFormerModel`, wired as BLIP-2 wires them."""
    vit = Blip2VisionModel(model.config.vision_config).eval()
    vit.load_state_dict(model.vision_encoder.state_dict())
    vit.post_layernorm.eps = 1e-5
    qformer = Blip2QFormerModel(model.config.image_qformer_config).eval()
    qformer.load_state_dict(model.image_qformer.state_dict())
    frames = frames_for(model, clips=2, frames=3)
    with torch.no_grad():
        features = vit(pixel_values=frames.flatten(0, 1)).last_hidden_state
        tokens = qformer(
            query_embeds=model.image_query_tokens.expand(6, -1, -1),
            encoder_hidden_states=features,
        ).last_hidden_state
        ours = model.encode_frames(frames)
        assert torch.equal(ours.flatten(0, 1), features)
        torch.testing.assert_close(model.encode_frame_tokens(ours).flatten(0, 1), tokens)


def test_the_last_norm_has_the_eps_of_the_original(model):
    assert model.vision_encoder.post_layernorm.eps == 1e-5
    assert model.vision_encoder.encoder.layers[0].layer_norm1.eps == 1e-6


def test_pictures_of_another_size_are_read(model):
    with torch.no_grad():
        assert model.encode_frames(torch.randn(1, 1, 3, 56, 42)).shape == (1, 1, 1 + 12, 16)


def test_positions_that_fit_stay_as_they_are():
    positions = torch.randn(1, 17, 3)
    assert resize_positions(positions, 4) is positions
    assert resize_positions(positions, 2).shape == (1, 5, 3)
    assert torch.equal(resize_positions(positions, 2)[:, 0], positions[:, 0])
