"""The original's Video, Audio and image Q-Formers: positions, every layer, projection."""

import pytest
import torch

from tests.reference.comparison import (
    Recorder,
    assert_close,
    load_exactly,
    qformer_of,
    without_prefix,
)
from videollama.checkpoints.original_keys import (
    map_audio_branch_keys,
    map_image_qformer_keys,
    map_video_branch_keys,
)
from videollama.model.qformer import TimePositionEmbedding, mask_or_all, read_with_queries
from videollama.model.vision import LN_VISION_EPS

pytestmark = pytest.mark.reference


@pytest.fixture
def num_heads(sizes):
    return sizes["TINY_BERT"]["num_attention_heads"]


def listen_to_layers(recorder, qformer):
    """Record what the original's forward hooks recorded, under the same names."""
    recorder.listen("embeddings", qformer.layernorm)
    for number, layer in enumerate(qformer.encoder.layer):
        recorder.listen(f"layer{number}.output", layer)
        recorder.listen(f"layer{number}.self_attention", layer.attention)
        if layer.has_cross_attention:
            recorder.listen(f"layer{number}.cross_attention", layer.crossattention)


def assert_layers_agree(recorder, recorded):
    assert recorded
    for name, original in recorded.items():
        assert_close(recorder.outputs[name], original)


def run_branch(state, kind, features, num_heads, recorder):
    """Positions, Q-Former and projection of one branch; `features` are `(N, T, Q, D)`."""
    place = {"video": "frame", "audio": "segment"}[kind]
    table = state[f"{place}_position_embedding.weight"]
    positions = load_exactly(TimePositionEmbedding(*table.shape), {"weight": table})
    qformer = qformer_of(without_prefix(state, f"{kind}_qformer."), num_heads)
    projection = without_prefix(state, f"{kind}_projection.")
    listen_to_layers(recorder, qformer)
    placed = features + positions(mask_or_all(None, features)).unsqueeze(2)
    placed = placed.flatten(1, 2)
    hidden = read_with_queries(qformer, state[f"{kind}_query_tokens"], placed)
    projected = torch.nn.functional.linear(hidden, projection["weight"], projection["bias"])
    return placed, hidden, projected


@pytest.mark.parametrize("run", ["", "32"])
def test_video_qformer(run, fixture_tensors, num_heads):
    recorded = fixture_tensors("01_video_qformer.safetensors")
    state = map_video_branch_keys(recorded.under("weights."))
    recorder = Recorder()
    features = recorded[f"in{run}.frames_qformer_output"]
    placed, hidden, projected = run_branch(state, "video", features, num_heads, recorder)
    assert_close(placed, recorded[f"out{run}.frame_hidden_state_with_pos"])
    assert_close(hidden, recorded[f"out{run}.video_hidden"])
    assert_close(projected, recorded[f"out{run}.inputs_llama"])
    assert_layers_agree(recorder, recorded.under(f"out{run}.hook.video_Qformer."))


@pytest.mark.parametrize("run", ["", "3"])
def test_audio_qformer(run, fixture_tensors, num_heads):
    recorded = fixture_tensors("01_audio_qformer.safetensors")
    state = map_audio_branch_keys(recorded.under("weights."))
    recorder = Recorder()
    features = recorded[f"in{run}.audio_imagebind_finalout"].unsqueeze(2)
    placed, hidden, projected = run_branch(state, "audio", features, num_heads, recorder)
    assert_close(placed, recorded[f"out{run}.audio_with_pos"])
    assert_close(hidden, recorded[f"out{run}.audio_hidden"])
    assert_close(projected, recorded[f"out{run}.inputs_llama"])
    assert_layers_agree(recorder, recorded.under(f"out{run}.hook.audio_Qformer."))


def run_image_qformer(state, image_embeds, num_heads, recorder):
    """`ln_vision` and the image Q-Former."""
    norm = torch.nn.LayerNorm(image_embeds.shape[-1], eps=LN_VISION_EPS)
    load_exactly(norm, without_prefix(state, "vision_encoder.post_layernorm."))
    qformer = qformer_of(without_prefix(state, "image_qformer."), num_heads)
    listen_to_layers(recorder, qformer)
    normed = norm(image_embeds)
    return normed, read_with_queries(qformer, state["image_query_tokens"], normed)


def test_image_qformer(fixture_tensors, num_heads):
    recorded = fixture_tensors("02_image_qformer.safetensors")
    state = map_image_qformer_keys(recorded.under("weights."))
    recorder = Recorder()
    normed, hidden = run_image_qformer(state, recorded["in.image_embeds"], num_heads, recorder)
    assert_close(normed, recorded["out.ln_vision_out"])
    assert_close(hidden, recorded["out.last_hidden_state"])
    assert_layers_agree(recorder, recorded.under("out.hook.Qformer."))


def test_image_qformer_of_small_inputs_shows_the_eps_of_ln_vision(fixture_tensors, num_heads):
    state = map_image_qformer_keys(
        fixture_tensors("02_image_qformer.safetensors").under("weights.")
    )
    recorded = fixture_tensors("09_small_variance.safetensors")
    normed, hidden = run_image_qformer(
        state, recorded["image_qformer.in.image_embeds"], num_heads, Recorder()
    )
    assert_close(normed, recorded["image_qformer.out.ln_vision_out"])
    assert_close(hidden, recorded["image_qformer.out.last_hidden_state"])
