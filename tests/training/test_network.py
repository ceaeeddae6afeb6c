import pytest
import torch
from safetensors.torch import save_file

from videollama.errors import CheckpointError
from videollama.training.network import build_model, build_sound_encoder, handed_on, load_weights


def test_frozen_parts_come_from_disk_and_new_ones_from_the_seed(make_recipe, tiny_model):
    model, processor = build_model(make_recipe("instruct"))
    again, _ = build_model(make_recipe("instruct"))
    other, _ = build_model(make_recipe("instruct", seed=1))
    for name, tensor in model.vision_encoder.state_dict().items():
        assert torch.equal(tensor, tiny_model.vision_encoder.state_dict()[name])
    for name, tensor in model.language_model.state_dict().items():
        assert torch.equal(tensor, tiny_model.language_model.state_dict()[name])
    assert torch.equal(model.video_query_tokens, again.video_query_tokens)
    assert not torch.equal(model.video_query_tokens, other.video_query_tokens)
    assert processor.config.video_token_id == model.config.text_config.vocab_size


def test_later_runs_win_and_only_our_parts_are_taken(tmp_path):
    for name, value in (("a", 1.0), ("b", 2.0)):
        (tmp_path / name).mkdir()
        tensors = {
            "video_projection.bias": torch.full((3,), value),
            "language_model.x": torch.ones(1),
        }
        save_file(tensors, tmp_path / name / "weights.safetensors")
    weights = handed_on([str(tmp_path / "a"), str(tmp_path / "b" / "weights.safetensors")])
    assert list(weights) == ["video_projection.bias"]
    assert weights["video_projection.bias"].tolist() == [2.0] * 3


def test_a_sound_encoder_goes_on_from_an_earlier_one(tmp_path, make_recipe):
    first = build_sound_encoder(make_recipe("sound_encoder", seed=5), from_imagenet=False)
    weights = {f"audio_encoder.{name}": t for name, t in first.state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    recipe = make_recipe("sound_encoder", start_from=[str(tmp_path)])
    second = build_sound_encoder(recipe, from_imagenet=False)
    assert torch.equal(second.stem[0].weight, first.stem[0].weight)


def test_weights_of_another_size_are_refused():
    module = torch.nn.Linear(2, 3)
    with pytest.raises(
        CheckpointError, match=r"2 tensors, among them bias, weight; check the sizes"
    ):
        load_weights(module, torch.nn.Linear(2, 4).state_dict(), "here")
    with pytest.raises(CheckpointError, match=r"1 tensors, among them bias"):
        load_weights(module, {"weight": module.weight}, "here")
    with pytest.raises(CheckpointError, match=r"extra"):
        load_weights(module, {"extra": module.weight}, "here", partly=True)
