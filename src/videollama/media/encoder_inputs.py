"""What the two families' encoders expect of frames and sound."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from videollama.media.audio import SAMPLE_RATE, audio_segments
from videollama.media.frame_sampling import spread_evenly
from videollama.media.frames import normalize_frames

if TYPE_CHECKING:
    from videollama.configuration import VideoLlamaConfig

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# EfficientNet-Lite was trained on (x - 127) / 128 with x in 0..255.
LITE_MEAN = (127 / 255,) * 3
LITE_STD = (128 / 255,) * 3
SEGMENT_SAMPLES = 2 * SAMPLE_RATE


def frame_values(frames: Tensor, config: "VideoLlamaConfig") -> Tensor:
    """Normalise the frames of one clip for the vision encoder of a family.

    Args:
        frames: uint8 RGB, (T, H, W, 3).
        config: Gives the size, and by its family mean and deviation.

    Returns:
        float32, (T, 3, size, size); the aspect ratio is not kept, as in the original.
    """
    mean, std = (CLIP_MEAN, CLIP_STD) if config.family == "released" else (LITE_MEAN, LITE_STD)
    return normalize_frames(frames, size=config.vision_config.image_size, mean=mean, std=std)


def segment_values(waveform: Tensor, config: "VideoLlamaConfig") -> Tensor:
    """Cut the sound of one clip into segments of 2 s for the audio encoder of a family.

    The released family takes `max_segments` segments at the original's times, however short the
    sound. The tiny family covers the whole sound with as few as that needs, up to `max_segments`;
    longer sounds are sampled evenly.

    Args:
        waveform: float32 (channels, N) at 16 kHz.
        config: Gives the family and the number of segments.

    Returns:
        Normalised log-mel segments, (S, 1, 128, 204).
    """
    if config.family == "released":
        return audio_segments(waveform, config.max_segments, carry_means=True)
    starts = covering_starts(waveform.shape[-1], config.max_segments)
    windows = [waveform[:, start : start + SEGMENT_SAMPLES] for start in starts]
    return torch.cat([audio_segments(window, 1) for window in windows])


def covering_starts(num_samples: int, max_segments: int) -> list[int]:
    """First samples of segments of 2 s, evenly spread from the first moment to the last."""
    count = min(max_segments, max(1, math.ceil(num_samples / SEGMENT_SAMPLES)))
    last = max(0, num_samples - SEGMENT_SAMPLES)
    return spread_evenly(last, count)
