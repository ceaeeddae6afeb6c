"""Configurations: what they are made of, how they are kept, what they refuse."""

import pytest
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, Blip2QFormerConfig

from videollama.configuration import EfficientNetLiteConfig, ImageBindConfig, VideoLlamaConfig


def test_the_default_is_the_released_7b_model():
    config = VideoLlamaConfig()
    assert config.family == "released"
    assert config.vision_config.num_hidden_layers == 39
    assert config.num_patches == 257
    assert config.image_qformer_config.num_hidden_layers == 12
    assert config.image_qformer_config.encoder_hidden_size == 1408
    assert config.video_qformer_config.num_hidden_layers == 2
    assert config.video_qformer_config.cross_attention_frequency == 1
    assert config.video_qformer_config.encoder_hidden_size == 768
    assert isinstance(config.audio_config, ImageBindConfig)
    assert config.audio_config.audio_config.patch_grid == (12, 19)
    assert config.audio_qformer_config.encoder_hidden_size == 1024
    assert config.text_config.hidden_size == 4096


def tiny():
    return VideoLlamaConfig(
        family="tiny",
        prompt_template="chatml",
        vision_config=EfficientNetLiteConfig(),
        image_qformer_config=None,
        video_qformer_config=Blip2QFormerConfig(hidden_size=64, num_attention_heads=4),
        audio_config=EfficientNetLiteConfig(num_channels=1, hidden_size=48),
        text_config={"model_type": "qwen2", "hidden_size": 32},
    )


def test_readers_are_as_wide_as_what_they_read():
    config = tiny()
    assert config.num_patches == 81
    assert config.video_qformer_config.encoder_hidden_size == 64
    assert config.audio_qformer_config.encoder_hidden_size == 48


@pytest.mark.parametrize(
    "config",
    [tiny(), VideoLlamaConfig(), VideoLlamaConfig(audio_config=None)],
    ids=["tiny", "released", "deaf"],
)
def test_a_saved_configuration_comes_back(config, tmp_path):
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is VideoLlamaConfig
    for part in VideoLlamaConfig.sub_configs_defaults:
        assert type(getattr(loaded, part)) is type(getattr(config, part)), part
    loaded.name_or_path = config.name_or_path
    assert loaded.to_json_string(use_diff=False) == config.to_json_string(use_diff=False)


def test_a_model_without_hearing_has_no_reader_of_sounds():
    assert VideoLlamaConfig(audio_config=None).audio_qformer_config is None


def test_the_configuration_given_is_left_alone():
    reader = Blip2QFormerConfig(hidden_size=64, num_attention_heads=4, encoder_hidden_size=5)
    config = VideoLlamaConfig(video_qformer_config=reader, audio_qformer_config=reader)
    assert reader.encoder_hidden_size == 5
    assert config.video_qformer_config.encoder_hidden_size == 768
    assert config.audio_qformer_config.encoder_hidden_size == 1024


@pytest.mark.parametrize(
    "wrong", [{"family": "huge"}, {"prompt_template": "alpaca"}, {"max_frames": "many"}]
)
def test_values_that_mean_nothing_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(StrictDataclassError, match=name):
        VideoLlamaConfig(**wrong)
