"""Conversions lose nothing, and never leave half a result."""

import subprocess
import sys

import pytest
import torch

from tests.checkpoints.original_folder import (
    AUDIO_KEYS,
    VISUAL_KEYS,
    facts,
    random_tensors,
    write_decoder,
)
from videollama.checkpoints import convert as convert_module
from videollama.checkpoints.convert import convert
from videollama.checkpoints.load import load_model
from videollama.errors import CheckpointError, InputError, OutputError


@pytest.fixture(scope="module")
def converted(released_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("converted") / "ours"
    convert(released_folder, out)
    return out


def test_the_converted_folder_is_the_same_model(released_folder, converted):
    before, processor_before = load_model(released_folder, device="cpu", dtype="float32")
    after, processor_after = load_model(converted, device="cpu", dtype="float32")
    here, there = before.state_dict(), after.state_dict()
    assert here.keys() == there.keys()
    assert all(torch.equal(here[name], there[name]) for name in here)
    assert after.config.to_dict()["text_config"] == before.config.to_dict()["text_config"]
    text = "What happens in the street?"
    assert processor_after.tokenizer(text).input_ids == processor_before.tokenizer(text).input_ids
    assert processor_after.prompt_template == "llama_2"


READ_BY_TRANSFORMERS = """
import sys
from transformers import AutoConfig, AutoModel, AutoProcessor
from videollama import VideoLlamaForConditionalGeneration, VideoLlamaProcessor

read = [auto.from_pretrained(sys.argv[1]) for auto in (AutoConfig, AutoProcessor, AutoModel)]
print(*(type(each).__name__ for each in read), sep="\\n")
print(read[-1].video_projection.bias.tolist())
"""


def test_transformers_reads_the_converted_folder_by_itself(converted):
    command = [sys.executable, "-c", READ_BY_TRANSFORMERS, str(converted)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert shown == [
        "VideoLlamaConfig",
        "VideoLlamaProcessor",
        "VideoLlamaForConditionalGeneration",
        str(random_tensors()["llama_proj.bias"].tolist()),
    ]


def test_no_pickles_and_no_optimizer_in_the_result(converted):
    assert {path.suffix for path in converted.iterdir()} <= {".json", ".safetensors", ".model"}
    size = sum(path.stat().st_size for path in converted.glob("*.safetensors"))
    model, _ = load_model(converted, device="cpu", dtype="float32")
    assert size < 1.05 * sum(4 * tensor.numel() for tensor in model.state_dict().values())


def test_back_to_the_original_every_name_and_number_is_the_originals(converted, tmp_path):
    out = tmp_path / "VL_and_AL.pth"
    convert(converted, out, to="original")
    written = torch.load(out, weights_only=True)
    assert written.keys() == {"model"}
    released = {*facts()[VISUAL_KEYS], *facts()[AUDIO_KEYS]}
    buffers = ("position_ids", "inv_freq", "log_logit_scale", "text.mask")
    assert written["model"].keys() == {name for name in released if not name.endswith(buffers)}
    original = random_tensors()
    assert all(torch.equal(tensor, original[name]) for name, tensor in written["model"].items())


def test_what_was_written_for_the_original_is_read_again(converted, released_copy, tmp_path):
    for path in released_copy.glob("?L_*.pth"):
        path.unlink()
    convert(converted, released_copy / "VL_LLaMA_2_7B_Finetuned.pth", to="original")
    here, _ = load_model(converted, device="cpu")
    there, _ = load_model(released_copy, device="cpu")
    state_dict = there.state_dict()
    assert all(torch.equal(state_dict[name], value) for name, value in here.state_dict().items())


def test_imagebinds_vision_trunk_is_kept_only_when_asked_for(released_folder, tmp_path):
    convert(released_folder, tmp_path / "with", imagebind_vision=True)
    model, _ = load_model(tmp_path / "with", device="cpu")
    assert model.config.audio_config.vision_config.num_hidden_layers == 2
    assert any(name.startswith("audio_encoder.vision.") for name in model.state_dict())


def test_half_precision_halves_the_file(released_folder, converted, tmp_path):
    done = convert(released_folder, tmp_path / "half", dtype="float16")
    full = (converted / "model.safetensors").stat().st_size
    assert done.size_bytes < 0.55 * full


def test_a_taken_place_is_not_overwritten(released_folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep")
    with pytest.raises(OutputError, match="mine exists already"):
        convert(released_folder, tmp_path / "mine")
    assert (tmp_path / "mine" / "note.txt").read_text() == "keep"


def test_a_wrong_mix_leaves_nothing_behind(released_copy, tmp_path):
    write_decoder(released_copy / "new", random_tensors(), hidden_size=96)
    (released_copy / "llama-2-7b-chat-hf" / "config.json").unlink()
    with pytest.raises(CheckpointError):
        convert(released_copy, tmp_path / "out" / "ours")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_stopped_conversion_leaves_nothing_behind(released_folder, tmp_path, monkeypatch, stop):
    import huggingface_hub

    def write_and_stop(state_dict, folder, **_):
        (folder / "model.safetensors").write_bytes(b"half")
        raise stop

    monkeypatch.setattr(huggingface_hub, "save_torch_state_dict", write_and_stop)
    with pytest.raises((KeyboardInterrupt, OutputError)):
        convert(released_folder, tmp_path / "ours")
    assert list(tmp_path.iterdir()) == []


def test_only_a_pth_can_be_written_for_the_original(converted, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.pth"):
        convert(converted, tmp_path / "folder", to="original")


def test_the_default_model_has_no_form_in_the_original(monkeypatch, tiny_model, tmp_path):
    state_dict = tiny_model.state_dict()
    monkeypatch.setattr(
        convert_module, "read_model", lambda *_, **__: (tiny_model.config, state_dict, None)
    )
    with pytest.raises(CheckpointError, match="only released models"):
        convert("tiny", tmp_path / "x.pth", to="original")


def test_the_decoder_alone_is_read_by_transformers(released_folder, tmp_path):
    from transformers import AutoModelForCausalLM

    done = convert(released_folder, tmp_path / "decoder", to="decoder")
    decoder = AutoModelForCausalLM.from_pretrained(done.path)
    whole, _ = load_model(released_folder, device="cpu", dtype="float32")
    here, there = decoder.state_dict(), whole.language_model.state_dict()
    assert here.keys() == there.keys()
    assert all(torch.equal(here[name].float(), there[name]) for name in here)
    assert decoder.config.architectures == ["LlamaForCausalLM"]
    assert {path.suffix for path in done.path.iterdir()} == {".json", ".safetensors"}


def test_an_unknown_number_type(released_folder, tmp_path):
    with pytest.raises(InputError, match="'int3'"):
        convert(released_folder, tmp_path / "x", dtype="int3")
