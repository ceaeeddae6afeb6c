"""The original's EVA ViT, block for block, and how it resizes positions."""

import pytest
import torch
from transformers import Blip2VisionConfig

from tests.reference.comparison import Recorder, assert_close, without_prefix
from videollama.checkpoints.original_keys import map_vit_keys
from videollama.model.vision import EvaVisionEncoder, resize_positions

pytestmark = pytest.mark.reference

PATCH_SIZE = 14
HEAD_SIZE = 88


@pytest.fixture
def recorded(fixture_tensors):
    return fixture_tensors("03_eva_vit.safetensors")


def vit_of(weights):
    """The ViT as large as its weights say; they do not hold the norm behind it."""
    depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
    width = weights["cls_token"].shape[-1]
    encoder = EvaVisionEncoder(
        Blip2VisionConfig(
            hidden_size=width,
            intermediate_size=weights["blocks.0.mlp.fc1.weight"].shape[0],
            num_hidden_layers=depth,
            num_attention_heads=width // HEAD_SIZE,
            image_size=round((weights["pos_embed"].shape[1] - 1) ** 0.5) * PATCH_SIZE,
            patch_size=PATCH_SIZE,
        )
    )
    state = without_prefix(map_vit_keys(weights, depth), "vision_encoder.")
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    assert set(missing) == {"post_layernorm.weight", "post_layernorm.bias"}
    assert not unexpected
    return encoder.eval()


def test_vit_blocks(recorded):
    models = {name.split(".")[0] for name in recorded.tensors if ".weights." in name}
    assert models
    for model in models:
        encoder = vit_of(recorded.under(f"{model}.weights."))
        recorder = Recorder()
        recorder.listen("patches", encoder.embeddings.patch_embedding)
        for number, layer in enumerate(encoder.encoder.layers):
            recorder.listen(f"block{number}", layer)
        with torch.no_grad():
            encoder(recorded[f"{model}.in"])
        patches = recorder.outputs["patches"].flatten(2).transpose(1, 2)
        assert_close(patches, recorded[f"{model}.out.patch_embed"])
        last = len(encoder.encoder.layers) - 1
        for number in range(last + 1):
            assert_close(recorder.outputs[f"block{number}"], recorded[f"{model}.out.block{number}"])
        assert_close(
            recorder.outputs[f"block{last}"], recorded[f"{model}.out.forward_features"]
        )  # nothing follows the last block but ln_vision


def test_positions_are_resized_as_the_original_resizes_them(recorded):
    cases = recorded.under("interp.")
    names = {name.removesuffix(".in") for name in cases if name.endswith(".in")}
    assert names
    for name in names:
        expected = cases[f"{name}.out"]
        side = round((expected.shape[1] - 1) ** 0.5)
        assert_close(resize_positions(cases[f"{name}.in"], side), expected)


def test_a_larger_picture_meets_resized_positions(recorded):
    model = min(name.split(".")[0] for name in recorded.tensors if ".weights." in name)
    weights = recorded.under(f"{model}.weights.")
    side = 6
    positions = resize_positions(weights["pos_embed"], side)
    encoder, larger = vit_of(weights), vit_of({**weights, "pos_embed": positions})
    pixels = side * PATCH_SIZE
    pictures = torch.randn(2, 3, pixels, pixels, generator=torch.manual_seed(0))
    with torch.no_grad():
        assert_close(encoder(pictures), larger(pictures))
