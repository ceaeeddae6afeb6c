"""The whole model: what goes into a prompt, what never changes an answer, keeping and loading."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModel, AutoModelForImageTextToText

from tests.model.small_models import (
    COMPOSITIONS,
    build,
    frames_for,
    prompt_of,
    released,
    sounds_for,
    tiny,
)
from videollama.errors import InputError
from videollama.model.videollama import VideoLlamaForConditionalGeneration

CLOSE = {"atol": 1e-5, "rtol": 0}


def whole_batch(model):
    """Two prompts as long as each other: sound and picture, then picture alone."""
    sound = prompt_of(model, 1, "audio", 5, "video", 7, 8)
    silent = prompt_of(model, 1, 4, 4, 5, "video", 7, 8)
    return {
        "input_ids": torch.cat((sound, silent)),
        "pixel_values": frames_for(model, clips=2, frames=2),
        "audio_values": sounds_for(clips=1, segments=2),
    }


def test_shapes(model):
    frames, sounds = frames_for(model, 2, 3), sounds_for(2, 2)
    config = model.config
    width = config.text_config.hidden_size
    with torch.no_grad():
        features = model.encode_frames(frames)
        assert features.shape == (2, 3, config.num_patches, config.vision_config.hidden_size)
        assert model.encode_video(features).shape == (2, config.num_video_query_tokens, width)
        segments = model.encode_segments(sounds)
        assert segments.shape == (2, 2, config.audio_config.hidden_size)
        assert model.encode_audio(segments).shape == (2, config.num_audio_query_tokens, width)
        logits = model(**whole_batch(model)).logits
    assert logits.shape == (2, 9, config.text_config.vocab_size)


def test_clips_fill_their_placeholders_in_order(model):
    batch = whole_batch(model)
    ids = batch["input_ids"]
    with torch.no_grad():
        embeds = model.embed_prompt(**batch)
        videos = model.encode_video(model.encode_frames(batch["pixel_values"]))
        sounds = model.encode_audio(model.encode_segments(batch["audio_values"]))
        words = model.get_input_embeddings()(torch.tensor([1, 5, 7]))
    video_places = ids == model.config.video_token_id
    assert torch.equal(embeds[video_places], videos.flatten(0, 1))
    assert torch.equal(embeds[ids == model.config.audio_token_id], sounds.flatten(0, 1))
    assert torch.equal(embeds[0, [0, 3, 7]], words)


def test_one_prompt_may_hold_several_clips(model):
    frames = frames_for(model, clips=3, frames=2)
    ids = prompt_of(model, 1, "video", 5, "video", "video")
    with torch.no_grad():
        embeds = model.embed_prompt(ids, pixel_values=frames)
        third = model.encode_video(model.encode_frames(frames[2:]))
    torch.testing.assert_close(embeds[:, -3:], third, **CLOSE)


def test_placeholders_lie_outside_the_vocabulary_and_embeddings_are_not_resized(model):
    vocabulary = model.config.text_config.vocab_size
    assert model.config.video_token_id >= vocabulary
    assert model.get_input_embeddings().num_embeddings == vocabulary


def test_a_prompt_without_clips_works(model):
    assert model(input_ids=torch.tensor([[1, 2, 3]])).logits.isfinite().all()


def test_what_was_encoded_before_gives_the_same(model):
    batch = whole_batch(model)
    with torch.no_grad():
        embeds = {
            "video_embeds": model.encode_video(model.encode_frames(batch["pixel_values"])),
            "audio_embeds": model.encode_audio(model.encode_segments(batch["audio_values"])),
        }
        again = model(input_ids=batch["input_ids"], **embeds).logits
        assert torch.equal(model(**batch).logits, again)


# ---------------------------------------------------------------------- refusals


def test_too_few_placeholders_are_refused(model):
    with pytest.raises(InputError, match="3 video placeholders for 6 video tokens"):
        model(input_ids=prompt_of(model, 1, "video"), pixel_values=frames_for(model, 2, 1))
    with pytest.raises(InputError, match="2 audio placeholders for 0 audio tokens"):
        model(input_ids=prompt_of(model, 1, "audio"))


def test_a_missing_prompt_is_refused(model):
    with pytest.raises(InputError, match="There is no prompt"):
        model.generate(pixel_values=frames_for(model, 1, 1))


def test_a_deaf_model_says_so():
    deaf = build(tiny(audio_config=None))
    with pytest.raises(InputError, match="has no audio branch"):
        deaf.encode_segments(sounds_for(1, 1))
    with pytest.raises(InputError, match="has no audio branch"):
        deaf.encode_audio(torch.zeros(1, 1, 4))


def test_frames_stand_in_for_sounds_only_in_imagebind():
    model = build(tiny())
    with pytest.raises(InputError, match="no ImageBind vision trunk"):
        model.encode_frames_as_segments(frames_for(model, 1, 1))
    model = build(released())
    embeddings = model.encode_frames_as_segments(frames_for(model, 1, 2))
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(1, 2))


# ---------------------------------------------------------------------- padding


@pytest.mark.parametrize("composition", COMPOSITIONS)
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_padding_and_neighbours_never_change_a_clip(composition, data):
    """Padded frames and segments, whatever they hold, and longer clips in the batch."""
    model = MODELS.setdefault(composition, build(COMPOSITIONS[composition]()))
    frames = data.draw(st.integers(1, 7), "frames")
    padding = data.draw(st.integers(0, 4), "padded frames")
    garbage = data.draw(st.sampled_from([0.0, 1e4, float("nan")]), "what the padding holds")
    length = frames + padding
    seed = torch.Generator().manual_seed(frames)
    config = model.config
    picture = torch.randn(
        1, frames, config.num_patches, config.vision_config.hidden_size, generator=seed
    )
    sound = torch.randn(1, frames, config.audio_config.hidden_size, generator=seed)
    mask = torch.zeros(2, length, dtype=torch.bool)
    mask[0, :frames] = True
    mask[1] = True

    def beside(clip):
        padded = torch.full((1, length, *clip.shape[2:]), garbage)
        padded[:, :frames] = clip
        neighbour = torch.randn(1, length, *clip.shape[2:], generator=seed)
        return torch.cat((padded, neighbour))

    with torch.no_grad():
        video = model.encode_video(beside(picture), mask)[:1]
        audio = model.encode_audio(beside(sound), mask)[:1]
        torch.testing.assert_close(video, model.encode_video(picture), **CLOSE)
        torch.testing.assert_close(audio, model.encode_audio(sound), **CLOSE)


MODELS = {}


def test_more_frames_and_segments_than_positions_are_read(model):
    config = model.config
    many = 3 * config.max_frames
    with torch.no_grad():
        video = model.encode_video(model.encode_frames(frames_for(model, 1, many)))
        audio = model.encode_audio(model.encode_segments(sounds_for(1, 3 * config.max_segments)))
    assert video.isfinite().all()
    assert audio.isfinite().all()


def test_the_order_of_frames_and_segments_matters(model):
    with torch.no_grad():
        features = model.encode_frames(frames_for(model, 1, 3))
        segments = model.encode_segments(sounds_for(1, 3))
        assert not torch.allclose(
            model.encode_video(features), model.encode_video(features.flip(1)), atol=1e-3
        )
        assert not torch.allclose(
            model.encode_audio(segments), model.encode_audio(segments.flip(1)), atol=1e-3
        )


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_a_longer_prompt_beside_it_does_not_change_a_prompt(model, padding_side):
    short = prompt_of(model, 1, "video", 9)
    long = prompt_of(model, 1, 4, 4, 5, "video", 7, 8)
    frames = frames_for(model, clips=2, frames=2)
    pad = torch.zeros(1, long.shape[1] - short.shape[1], dtype=torch.long)
    ones = torch.ones_like(short)
    left = padding_side == "left"
    row = torch.cat((pad, short) if left else (short, pad), dim=1)
    mask = torch.cat((pad, ones) if left else (ones, pad), dim=1)
    with torch.no_grad():
        both = model(
            input_ids=torch.cat((row, long)),
            attention_mask=torch.cat((mask, torch.ones_like(long))),
            pixel_values=frames,
        ).logits[0][mask[0].bool()]
        alone = model(input_ids=short, pixel_values=frames[:1]).logits[0]
    torch.testing.assert_close(both, alone, **CLOSE)


# ---------------------------------------------------------------------- training


def test_the_loss_is_the_mean_over_the_tokens_asked_for(model):
    batch = whole_batch(model)
    labels = torch.full_like(batch["input_ids"], -100)
    labels[0, -2:] = torch.tensor([7, 8])
    labels[1, -1] = 8
    with torch.no_grad():
        result = model(**batch, labels=labels)
        halved = model(**batch, labels=labels, num_items_in_batch=6).loss
    scores = result.logits.log_softmax(-1)
    expected = -(scores[0, -3, 7] + scores[0, -2, 8] + scores[1, -2, 8]) / 3
    torch.testing.assert_close(result.loss, expected)
    torch.testing.assert_close(halved, expected / 2)


def gradients(model, batch):
    model.zero_grad()
    model(
        **batch, labels=batch["input_ids"].masked_fill(batch["input_ids"] > 50, -100)
    ).loss.backward()
    return {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def test_gradient_checkpointing_gives_the_same_gradients(config):
    model = build(config)
    batch = whole_batch(model)
    expected = gradients(model, batch)
    model.activation_checkpointing_enable()
    model.train()
    for module in model.modules():  # randomness and batch statistics would hide a difference
        if isinstance(module, torch.nn.Dropout | torch.nn.BatchNorm2d):
            module.eval()
        if hasattr(module, "drop_path"):
            module.drop_path = 0.0
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0
    for name, gradient in gradients(model, batch).items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-5, rtol=1e-4)


def test_every_part_between_encoders_and_words_learns(model):
    learned = gradients(model, whole_batch(model))
    for part in ("frame_position_embedding", "video_query_tokens", "video_projection"):
        assert any(name.startswith(part) and g.abs().sum() > 0 for name, g in learned.items()), part
    for part in ("segment_position_embedding", "audio_query_tokens", "audio_projection"):
        assert any(name.startswith(part) and g.abs().sum() > 0 for name, g in learned.items()), part
    model.zero_grad(set_to_none=True)


# ---------------------------------------------------------------------- keeping and placing


def test_a_saved_model_comes_back_bit_for_bit(config, tmp_path):
    model = build(config)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    loaded, report = VideoLlamaForConditionalGeneration.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not any(report.values())
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    batch = whole_batch(model)
    with torch.no_grad():
        assert torch.equal(loaded.eval()(**batch).logits, model(**batch).logits)


@pytest.mark.parametrize("auto", [AutoModel, AutoModelForImageTextToText])
def test_transformers_finds_the_class(auto, tmp_path):
    build(tiny()).save_pretrained(tmp_path)
    assert type(auto.from_pretrained(tmp_path)) is VideoLlamaForConditionalGeneration


def test_parts_on_disk_give_the_same(config, tmp_path):
    model = build(config)
    model.save_pretrained(tmp_path / "model")
    parts = [name for name, _ in model.named_children() if name != "language_model"]
    placed = VideoLlamaForConditionalGeneration.from_pretrained(
        tmp_path / "model",
        device_map={
            **dict.fromkeys(parts, "disk"),
            **{name: "cpu" for name, _ in model.named_parameters(recurse=False)},
            "language_model": "cpu",
        },
        offload_folder=tmp_path / "offloaded",
    )
    batch = whole_batch(model)
    with torch.no_grad():
        torch.testing.assert_close(placed(**batch).logits, model(**batch).logits, **CLOSE)


def test_blocks_are_not_split_over_devices(model):
    assert {"Blip2QFormerLayer", "LlamaDecoderLayer"} <= set(model._no_split_modules)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close_to_single(config, dtype, tmp_path):
    single = build(config)
    single.save_pretrained(tmp_path)
    half = VideoLlamaForConditionalGeneration.from_pretrained(tmp_path, dtype=dtype).eval()
    assert {parameter.dtype for parameter in half.parameters()} == {dtype}
    batch = whole_batch(single)
    with torch.no_grad():
        expected, ours = single(**batch).logits, half(**batch).logits
    assert ours.dtype == dtype
    difference = (ours.float() - expected).norm() / expected.norm()
    assert difference < 0.1


@pytest.mark.parametrize(
    "decoder",
    [
        {
            "model_type": "qwen2",
            "hidden_size": 16,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "intermediate_size": 16,
        },
        {"model_type": "gpt2", "n_embd": 16, "n_head": 2, "n_layer": 2},
        {
            "model_type": "opt",
            "hidden_size": 16,
            "num_attention_heads": 2,
            "ffn_dim": 16,
            "word_embed_proj_dim": 16,
        },
        {
            "model_type": "gpt_neox",
            "hidden_size": 16,
            "num_attention_heads": 2,
            "intermediate_size": 16,
        },
    ],
    ids=lambda decoder: decoder["model_type"],
)
def test_any_causal_language_model_answers(decoder):
    model = build(tiny(text_config={**decoder, "num_hidden_layers": 2, "vocab_size": 60}))
    batch = whole_batch(model)
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    assert model.generate(**batch, max_new_tokens=3, min_new_tokens=3, do_sample=False).shape == (
        2,
        3,
    )
