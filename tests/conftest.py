"""What many tests need: a tiny seeded model with its processor, and files to ask about."""

import os
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from videollama.configuration import VideoLlamaConfig

os.environ.setdefault("MKL_CBWR", "COMPATIBLE")
"""The same sums on every processor: a mel bin of near silence holds little but rounding, and its
logarithm differs by 0.004 between MKL's code for AVX-512 and that with which the original's numbers
were made. Read at MKL's first call."""

WIDTH = 32


@pytest.fixture(scope="session")
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte, and ChatML's control tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: number for number, token in enumerate(specials + alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        padding_side="left",
    )


@pytest.fixture(scope="session")
def tiny_config(tiny_tokenizer) -> VideoLlamaConfig:
    """The default family with two layers, 32 wide, for pictures of 64 x 64."""
    reader = {
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 2 * WIDTH,
        "cross_attention_frequency": 1,
        "vocab_size": 8,
    }
    encoder = {
        "model_type": "efficientnet_lite",
        "width_multiplier": 0.25,
        "depth_multiplier": 0.25,
        "hidden_size": 24,
    }
    vocabulary = len(tiny_tokenizer)
    return VideoLlamaConfig(
        family="tiny",
        prompt_template="chatml",
        languages=["en"],
        vision_config={**encoder, "image_size": 64},
        image_qformer_config=None,
        video_qformer_config=dict(reader),
        audio_config={**encoder, "num_channels": 1, "image_size": 128},
        audio_qformer_config=dict(reader),
        text_config={
            "model_type": "llama",
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "vocab_size": vocabulary,
            "bos_token_id": tiny_tokenizer.bos_token_id,
            "eos_token_id": tiny_tokenizer.eos_token_id,
            "pad_token_id": tiny_tokenizer.pad_token_id,
        },
        num_video_query_tokens=4,
        num_audio_query_tokens=3,
        video_token_id=vocabulary,
        audio_token_id=vocabulary + 1,
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_config):
    """A seeded model with random weights: it babbles, but always the same."""
    import torch

    from videollama.model.videollama import VideoLlamaForConditionalGeneration

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VideoLlamaForConditionalGeneration(tiny_config).eval()


@pytest.fixture(scope="session")
def tiny_processor(tiny_config, tiny_tokenizer):
    """The processor of the tiny model."""
    from videollama.processing import VideoLlamaProcessor

    return VideoLlamaProcessor(tiny_config, tiny_tokenizer)


@pytest.fixture(scope="session")
def assistant(tiny_model, tiny_processor):
    """A whole assistant without weights on disk."""
    from videollama.inference.engine import VideoLlama

    return VideoLlama(tiny_model, tiny_processor)


@pytest.fixture(scope="session")
def chinese_assistant(tiny_model, tiny_config, tiny_tokenizer):
    """The same model, declared to know English and Chinese, with the prompt of BiLLa."""
    from copy import copy

    from videollama.inference.engine import VideoLlama
    from videollama.processing import VideoLlamaProcessor

    config = VideoLlamaConfig.from_dict({**tiny_config.to_dict(), "languages": ["en", "zh"]})
    model = copy(tiny_model)
    model.config = config
    return VideoLlama(model, VideoLlamaProcessor(config, tiny_tokenizer, "billa"))


@pytest.fixture(autouse=True)
def english_command(monkeypatch):
    """The command speaks English whatever the locale of the machine."""
    monkeypatch.setenv("VIDEOLLAMA_LANGUAGE", "en")


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory) -> Path:
    """Two seconds of a square that moves right, under a tone."""
    from tests.synthetic import write_clip

    return write_clip(tmp_path_factory.mktemp("clips") / "moving square.mp4", sound="tone")


@pytest.fixture(scope="session")
def mute_file(tmp_path_factory) -> Path:
    """The same without an audio track."""
    from tests.synthetic import write_clip

    return write_clip(tmp_path_factory.mktemp("clips") / "mute.mp4", sound=None)
