"""Where the frozen part of the picture branch ends and the trained one begins.

The released family's image Q-Former stays frozen, as in the original; what it gives for a frame, 32
tokens of 768 numbers, is a fifteenth of what the vision encoder gives. The built-in model has none:
its trained projection reads the vision encoder's grid.

Letters: N clips, T frames, C H W pixels, P rows of a frame's features, Dv their width.
"""

import hashlib

from torch import Tensor

from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.feature_cache import fingerprint


def frozen_frames(model: VideoLlamaForConditionalGeneration, pixel_values: Tensor) -> Tensor:
    """All that can be computed of frames once and for all.

    Args:
        model: Whose frozen parts.
        pixel_values: Normalised frames, `(N, T, C, H, W)`.

    Returns:
        Features, `(N, T, P, Dv)`: of the image Q-Former where there is one, else of the encoder.
    """
    features = model.encode_frames(pixel_values)
    return model.encode_frame_tokens(features) if _has_image_qformer(model) else features


def video_of_frozen(
    model: VideoLlamaForConditionalGeneration, features: Tensor, pixel_mask: Tensor | None
) -> Tensor:
    """The trained rest, from features to video tokens `(N, Qv, D)`.

    Args:
        model: Whose trained parts.
        features: What `frozen_frames` gave, `(N, T, P, Dv)`.
        pixel_mask: True where a frame belongs to its clip, `(N, T)`; None where all do.
    """
    tokens = features if _has_image_qformer(model) else model.encode_frame_tokens(features)
    return model.encode_video_tokens(tokens, pixel_mask)


def frozen_fingerprint(model: VideoLlamaForConditionalGeneration) -> str:
    """A digest of the weights of everything that is frozen before the decoder."""
    digest = hashlib.sha256(fingerprint(model.vision_encoder).encode())
    if _has_image_qformer(model):
        digest.update(fingerprint(model.image_qformer).encode())
        queries = model.image_query_tokens.detach().cpu().float().contiguous()
        digest.update(queries.numpy().tobytes())
    if model.audio_encoder is not None:
        digest.update(fingerprint(model.audio_encoder).encode())
    return digest.hexdigest()


def _has_image_qformer(model: VideoLlamaForConditionalGeneration) -> bool:
    return model.config.image_qformer_config is not None
