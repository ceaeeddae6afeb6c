"""The original's ImageBind: tokens, every block, embeddings of sounds and pictures."""

import pytest
import torch
from transformers import CLIPTextModelWithProjection

from tests.reference.comparison import Recorder, assert_close, load_exactly, without_prefix
from videollama.checkpoints.original_keys import map_imagebind_keys, map_imagebind_text_keys
from videollama.checkpoints.original_sizes import imagebind_text_sizes
from videollama.configuration import IMAGEBIND_HUGE_VISION, ImageBindConfig, ImageBindTrunkConfig
from videollama.model.imagebind import ImageBind
from videollama.model.joint_space import text_config

pytestmark = pytest.mark.reference


@pytest.fixture
def recorded(fixture_tensors):
    return fixture_tensors("04_imagebind.safetensors")


@pytest.fixture
def imagebind(recorded, sizes):
    sizes = sizes["IB_TINY"]

    def trunk(kind, **others):
        return {
            **others,
            "hidden_size": sizes[f"{kind}_embed_dim"],
            "num_hidden_layers": sizes[f"{kind}_num_blocks"],
            "num_attention_heads": sizes[f"{kind}_num_heads"],
        }

    config = ImageBindConfig(
        audio_config=trunk("audio"),
        vision_config=trunk("vision", **IMAGEBIND_HUGE_VISION),
        hidden_size=sizes["out_embed_dim"],
    )
    state = map_imagebind_keys(recorded.under("weights."))
    return load_exactly(ImageBind(config), without_prefix(state, "audio_encoder."))


@pytest.fixture
def audio_scale(recorded):
    """The original multiplies audio embeddings with this, and not the vision embeddings."""
    scale = recorded["weights.modality_postprocessors.audio.1.log_logit_scale"].exp()
    assert scale == pytest.approx(20.0)
    return scale


def assert_trunk_agrees(trunk, scale, recorded, name):
    recorder = Recorder()
    for number, block in enumerate(trunk.blocks):
        recorder.listen(f"block{number}", block)
    with torch.no_grad():
        inputs = recorded[f"{name}.in"].flatten(0, 1)
        assert_close(trunk.embed_patches(inputs), recorded[f"{name}.out.preprocessor_tokens"])
        embeddings = scale * trunk(inputs)
        features = trunk.class_features(inputs)
    assert_close(features, recorded[f"{name}.out.audio_feature"][0])
    assert_close(embeddings, recorded[f"{name}.out.audio_imagebind_finalout"][0])
    assert_close(embeddings.mean(dim=0), recorded[f"{name}.out.forward_mean"][0])
    return recorder.outputs


@pytest.mark.parametrize("name", ["ib_audio", "ib_vision", "ib_vision_56"])
def test_embeddings(name, imagebind, audio_scale, recorded):
    sound = name == "ib_audio"
    trunk = imagebind.audio if sound else imagebind.vision
    outputs = assert_trunk_agrees(trunk, audio_scale if sound else 1.0, recorded, name)
    for number in range(len(trunk.blocks)):
        original = recorded[f"{name}.out.block{number}_LBD"].transpose(0, 1)
        assert_close(outputs[f"block{number}"], original)
    assert_close(outputs[f"block{number}"], recorded[f"{name}.out.trunk_out"])


def test_quiet_sound_shows_the_eps_of_the_stem(imagebind, audio_scale, fixture_tensors):
    recorded = fixture_tensors("09_small_variance.safetensors")
    assert_trunk_agrees(imagebind.audio, audio_scale, recorded, "ib_audio")


def test_the_real_imagebind_has_exactly_these_weights(fixture_json):
    shapes = fixture_json("04_imagebind_huge_real_keys.json")
    with torch.device("meta"):
        original = {name: torch.empty(shape) for name, shape in shapes.items()}
        ours = ImageBind(
            ImageBindConfig(vision_config=ImageBindTrunkConfig(**IMAGEBIND_HUGE_VISION))
        ).state_dict()
    mapped = without_prefix(map_imagebind_keys(original), "audio_encoder.")
    assert {name: tuple(tensor.shape) for name, tensor in mapped.items()} == {
        name: tuple(tensor.shape) for name, tensor in ours.items()
    }


def test_the_real_text_trunk_has_exactly_these_weights(fixture_json):
    shapes = fixture_json("04_imagebind_huge_real_keys.json")
    with torch.device("meta"):
        original = {name: torch.empty(shape) for name, shape in shapes.items()}
        sizes = imagebind_text_sizes(original)
        ours = CLIPTextModelWithProjection(text_config(**sizes)).state_dict()
    assert (sizes["num_hidden_layers"], sizes["num_heads"], sizes["width"]) == (24, 16, 1024)
    mapped = map_imagebind_text_keys(original)
    assert {name: tuple(tensor.shape) for name, tensor in mapped.items()} == {
        name: tuple(tensor.shape) for name, tensor in ours.items()
    }
