"""Both compositions of the model, small and seeded, and something to feed them."""

import torch

from videollama.configuration import VideoLlamaConfig
from videollama.model.videollama import VideoLlamaForConditionalGeneration

VOCABULARY = 60
DECODER = {
    "model_type": "llama",
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": VOCABULARY,
    "tie_word_embeddings": True,
    "initializer_range": 0.5,
}


def qformer(num_hidden_layers=2, cross_attention_frequency=1):
    return {
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "num_hidden_layers": num_hidden_layers,
        "cross_attention_frequency": cross_attention_frequency,
        "initializer_range": 0.2,
    }


def tiny(**changes):
    encoder = {
        "model_type": "efficientnet_lite",
        "image_size": 64,
        "width_multiplier": 0.25,
        "depth_multiplier": 0.25,
        "hidden_size": 20,
    }
    parts = {
        "family": "tiny",
        "vision_config": dict(encoder),
        "image_qformer_config": None,
        "video_qformer_config": qformer(),
        "audio_config": {**encoder, "num_channels": 1},
        "audio_qformer_config": qformer(),
        "text_config": dict(DECODER),
        "num_video_query_tokens": 3,
        "num_audio_query_tokens": 2,
        "max_frames": 4,
        "max_segments": 3,
        "video_token_id": VOCABULARY,
        "audio_token_id": VOCABULARY + 1,
        "initializer_range": 0.5,
    }
    return VideoLlamaConfig(**{**parts, **changes})


def released(**changes):
    trunk = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    parts = {
        "family": "released",
        "vision_config": {
            "model_type": "blip_2_vision_model",
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 28,
            "initializer_range": 0.2,
        },
        "image_qformer_config": qformer(4, cross_attention_frequency=2),
        "audio_config": {
            "model_type": "imagebind",
            "audio_config": dict(trunk),
            "vision_config": {
                **trunk,
                "num_channels": 3,
                "num_repeats": 2,
                "input_size": (28, 28),
                "patch_size": 14,
                "patch_stride": 14,
                "stem_layer_norm": False,
                "pre_layer_norm": True,
                "bias_kv": False,
            },
            "hidden_size": 12,
        },
        "num_image_query_tokens": 2,
    }
    return tiny(**{**parts, **changes})


def build(config):
    """A seeded model; the caller's random state stays as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VideoLlamaForConditionalGeneration(config).eval()


COMPOSITIONS = {"tiny": tiny, "released": released}


def frames_for(model, clips, frames):
    """Random frames of the size that the model expects, `(N, T, C, H, W)`."""
    size = model.config.vision_config.image_size
    generator = torch.Generator().manual_seed(clips * 100 + frames)
    return torch.randn(clips, frames, 3, size, size, generator=generator)


def sounds_for(clips, segments):
    """Random spectrograms, `(N, S, 1, M, F)`."""
    generator = torch.Generator().manual_seed(clips * 100 + segments + 7)
    return torch.randn(clips, segments, 1, 128, 204, generator=generator)


def prompt_of(model, *pieces):
    """Token ids: numbers stand for themselves, "video" and "audio" for a clip's placeholders."""
    config = model.config
    clips = {
        "video": [config.video_token_id] * config.num_video_query_tokens,
        "audio": [config.audio_token_id] * config.num_audio_query_tokens,
    }
    ids = []
    for piece in pieces:
        ids += clips[piece] if isinstance(piece, str) else [piece]
    return torch.tensor([ids])
