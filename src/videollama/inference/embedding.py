"""A clip as one vector: the mean of what the decoder would read in its place."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from videollama.errors import InputError
from videollama.inference.media_encoding import MediaEncoder
from videollama.media.clip import Clip


@dataclass(frozen=True)
class EmbeddedClip:
    """The vector of one clip.

    Attributes:
        vector: Shape `(D,)`, float32, of length 1.
        num_tokens: Q-Former tokens that were pooled.
    """

    vector: Tensor
    num_tokens: int


@torch.inference_mode()
def embed_clip(encoder: MediaEncoder, clip: Clip, *, sound_only: bool = False) -> EmbeddedClip:
    """Pools the tokens of the picture and of the sound; both weigh the same.

    Args:
        encoder: Encodes it, or knows it.
        clip: What to embed.
        sound_only: Leave the picture of a video out.

    Raises:
        InputError: The model can neither see nor hear anything of it.
    """
    kind = "audio" if sound_only else clip.kind
    message = {"role": "user", "content": [{"type": kind, "clip": 0}]}
    encoded = encoder.encode([message], [clip])
    both = (encoded.video_embeds, encoded.audio_embeds)
    parts = [tokens[0] for tokens in both if tokens is not None]
    if not parts:
        raise InputError(f"{clip.path} holds nothing that this model sees or hears.")
    means = torch.stack([pooled(part) for part in parts])
    return EmbeddedClip(normalize(means.mean(dim=0), dim=0).cpu(), sum(len(part) for part in parts))


def pooled(tokens: Tensor) -> Tensor:
    """The mean of tokens `(Q, D)`, float32 `(D,)` of length 1."""
    return normalize(tokens.float().mean(dim=0), dim=0)
