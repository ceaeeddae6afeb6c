"""ImageBind's blocks against torch's own attention, with random weights."""

import pytest
import torch
from torch import nn

from tests.model.small_models import build, released, sounds_for
from videollama.configuration import ImageBindTrunkConfig
from videollama.errors import InputError
from videollama.model.imagebind import ImageBindAttention, ImageBindBlock

WIDTH = 16


@pytest.fixture
def trunk_config():
    return ImageBindTrunkConfig(hidden_size=WIDTH, num_attention_heads=2)


@pytest.mark.parametrize("bias_kv", [True, False])
def test_attention_is_torchs_multihead_attention(bias_kv):
    torch.manual_seed(0)
    reference = nn.MultiheadAttention(WIDTH, 2, add_bias_kv=bias_kv, batch_first=True)
    ours = ImageBindAttention(
        ImageBindTrunkConfig(hidden_size=WIDTH, num_attention_heads=2, bias_kv=bias_kv)
    )
    weights = {
        "query_key_value.weight": reference.in_proj_weight,
        "query_key_value.bias": reference.in_proj_bias,
        "projection.weight": reference.out_proj.weight,
        "projection.bias": reference.out_proj.bias,
    }
    if bias_kv:
        weights |= {"extra_key": reference.bias_k, "extra_value": reference.bias_v}
    ours.load_state_dict(weights)
    tokens = torch.randn(3, 5, WIDTH)
    expected, _ = reference(tokens, tokens, tokens)
    torch.testing.assert_close(ours(tokens), expected, atol=1e-6, rtol=0)


def test_blocks_are_dropped_while_training_only(trunk_config):
    torch.manual_seed(0)
    block = ImageBindBlock(trunk_config, drop_path=0.5)
    nn.init.normal_(block.attention.extra_key)
    nn.init.normal_(block.attention.extra_value)
    tokens = torch.randn(64, 5, WIDTH)
    untouched = (block.train()(tokens) == tokens).all(dim=(1, 2)).float().mean()
    assert 0.05 < untouched < 0.5  # both halves dropped: a quarter of the inputs
    assert torch.equal(block.eval()(tokens), block(tokens))
    assert not (block(tokens) == tokens).all(dim=(1, 2)).any()


def test_embeddings_have_the_length_of_the_audio_scale():
    for scale in (20.0, 1.0):
        model = build(released(audio_scale=scale))
        with torch.no_grad():
            lengths = model.encode_segments(sounds_for(1, 2)).norm(dim=-1)
        torch.testing.assert_close(lengths, torch.full((1, 2), scale))


def test_spectrograms_of_another_length_are_refused():
    model = build(released())
    with pytest.raises(InputError, match="cut or pad it"):
        model.encode_segments(torch.randn(1, 1, 1, 128, 304))
