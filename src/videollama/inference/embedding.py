"""A clip as vectors: the means of what the decoder would read in its place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from videollama.errors import InputError, VideoLlamaError
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import Medium, read_media
from videollama.media.clip import Clip
from videollama.media.frame_sampling import FrameSampling


@dataclass(frozen=True)
class EmbeddedClip:
    """The vectors of one clip, D wide as the decoder is, float32, each of length 1.

    Attributes:
        vector: Shape `(D,)`; picture and sound together, both of the same weight.
        num_tokens: Q-Former tokens that were pooled.
        video: Shape `(D,)`, of the picture; None where nothing is seen.
        audio: Shape `(D,)`, of the sound; None where nothing is heard.
    """

    vector: Tensor
    num_tokens: int
    video: Tensor | None = None
    audio: Tensor | None = None


@dataclass(frozen=True)
class Embedded:
    """What became of one file.

    Attributes:
        path: The file.
        embedding: Its vectors; None where it could not be used.
        error: Why not.
    """

    path: str
    embedding: EmbeddedClip | None = None
    error: str | None = None


def embed_files(
    encoder: MediaEncoder, media: Sequence[Medium], sampling: FrameSampling
) -> Iterator[Embedded]:
    """Embeds one file after the other.

    Args:
        encoder: Encodes them.
        media: Files, or clips that were read before.
        sampling: Which moments to look at.

    Yields:
        One result per file, in order; a file that cannot be used gives its error.
    """
    side = encoder.model.config.vision_config.image_size
    for item in media:
        path = str(item.path if isinstance(item, Clip) else item)
        try:
            [clip] = read_media(item, sampling, side)
            yield Embedded(path, embed_clip(encoder, clip))
        except VideoLlamaError as error:
            yield Embedded(path, error=str(error))


@torch.inference_mode()
def embed_clip(encoder: MediaEncoder, clip: Clip, *, sound_only: bool = False) -> EmbeddedClip:
    """Pools the tokens of the picture and of the sound.

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
    video, audio = (None if tokens is None else pooled(tokens[0]).cpu() for tokens in both)
    parts = [each for each in (video, audio) if each is not None]
    if not parts:
        raise InputError(f"{clip.path} holds nothing that this model sees or hears.")
    return EmbeddedClip(
        vector=pooled(torch.stack(parts)),
        num_tokens=sum(tokens.shape[1] for tokens in both if tokens is not None),
        video=video,
        audio=audio,
    )


def pooled(tokens: Tensor) -> Tensor:
    """The mean of tokens `(Q, D)`, float32 `(D,)` of length 1."""
    return normalize(tokens.float().mean(dim=0), dim=0)
