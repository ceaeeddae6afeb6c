"""The original's whole model through its files: as released, converted, and written back."""

import pytest
import torch

from tests.reference.comparison import assert_close
from videollama.checkpoints.convert import convert
from videollama.checkpoints.load import load_model

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def weights(fixture_tensors):
    return fixture_tensors("08_e2e_model_state_dict.safetensors").tensors


@pytest.fixture(scope="module")
def released(write_released, tmp_path_factory):
    return write_released(tmp_path_factory.mktemp("hub") / "Video-LLaMA-2-7B-Finetuned")


@pytest.fixture(scope="module", params=["as released", "converted"])
def model(request, released, tmp_path_factory):
    folder = released
    if request.param == "converted":
        folder = tmp_path_factory.mktemp("converted") / "ours"
        convert(released, folder)
    return load_model(folder, device="cpu", dtype="float32")[0]


@torch.no_grad()
def test_it_sees_what_the_original_sees(model, fixture_tensors):
    frames = fixture_tensors("08_e2e_inputs.safetensors")["video"].transpose(1, 2)
    seen = model.encode_video(model.encode_frames(frames))
    wanted = fixture_tensors("08_e2e_outputs.safetensors")
    assert_close(seen, wanted["encode_videoQformer_visual.inputs_llama"])


@torch.no_grad()
def test_it_hears_what_the_original_hears(model, fixture_tensors):
    heard = model.encode_audio(
        model.encode_segments(fixture_tensors("08_e2e_inputs.safetensors")["audio"])
    )
    wanted = fixture_tensors("08_e2e_outputs.safetensors")
    assert_close(heard, wanted["encode_audioQformer.inputs_llama"])


def test_written_for_the_original_it_is_what_the_original_saved(released, weights, tmp_path):
    convert(released, tmp_path / "both.pth", to="original")
    written = torch.load(tmp_path / "both.pth", weights_only=True)["model"]
    assert "llama_proj.weight" in written
    assert "audio_llama_proj.weight" in written
    assert all(torch.equal(tensor, weights[name]) for name, tensor in written.items())
