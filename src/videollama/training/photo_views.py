"""Photos as the frozen image encoder sees them: a few views of each, encoded once.

    view 0   the whole photo        view 2, 3, …   random crops of 60 to 95 % of a side, half of
    view 1   mirrored                              them mirrored

Training photos have all views, validation photos only the first. Letters: P patches, D width.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from videollama.consensus import by_consensus
from videollama.errors import DataError, MediaError
from videollama.media.captioned_photos import Photo, read_photos
from videollama.media.composition import black_frames
from videollama.media.decode import read_clip
from videollama.model.efficientnet_lite import EfficientNetLite, fold_batch_norms
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import frame_values
from videollama.training.broken_samples import BrokenSamples
from videollama.training.feature_cache import FeatureCache, Report, fingerprint
from videollama.training.recipe import DataSection

SMALLEST_CROP, LARGEST_CROP = 0.6, 0.95
_BATCH = 8


@dataclass(frozen=True)
class PhotoViews:
    """Photos of one part of the data, with their features.

    Attributes:
        photos: The usable ones, in the order of their list.
        captions: Their captions as sentences, the most typical first.
        num_views: Views of each.
        black: Features of a black frame, `(P, D)`.
    """

    photos: list[Photo]
    captions: list[tuple[str, ...]]
    num_views: int
    black: np.ndarray
    _caches: Sequence[FeatureCache]
    _rows: Sequence[int]

    def features(self, view: int, photo: int) -> np.ndarray:
        """Features of one view of a photo, float16 `(P, D)`."""
        return self._caches[view][self._rows[photo]]


def load_photo_views(
    model: VideoLlamaForConditionalGeneration,
    folder: Path,
    data: DataSection,
    cache_root: Path,
    *,
    broken: BrokenSamples,
    report: Report,
) -> tuple[PhotoViews, PhotoViews]:
    """Read the photos, encode what is not in the cache yet, and give training and validation part.

    Raises:
        DataError: The folder is not usable, or too many photos are broken.
        OutputError: The cache cannot be written.
    """
    training = read_photos(folder, data.train_split)[0][: data.max_samples]
    validation = read_photos(folder, data.validation_split)[0][: data.max_samples]
    encode = _Encoder(model)
    black = encode.black().numpy()
    parts = []
    for name, photos, num_views in (
        ("training", training, data.num_views),
        ("validation", validation, 1),
    ):
        caches = []
        for view in range(num_views):
            cache = FeatureCache(
                cache_root,
                f"{name}_photos_view_{view}",
                [photo.path for photo in photos],
                (model.config.num_patches, model.config.vision_config.hidden_size),
                {"encoder": encode.digest, "image_size": model.config.vision_config.image_size},
            )
            cache.fill(
                partial(encode.read, photos, view),
                encode,
                batch_size=_BATCH,
                broken=broken,
                report=report,
            )
            caches.append(cache)
        usable = np.logical_and.reduce([cache.usable for cache in caches])
        rows = np.flatnonzero(usable).tolist()
        if not rows:
            raise DataError(f"{folder} has no usable photo for {name}.")
        kept = [photos[row] for row in rows]
        captions = by_consensus([sentences(photo.captions) for photo in kept])
        parts.append(PhotoViews(kept, captions, num_views, black, caches, rows))
    return parts[0], parts[1]


def photo_view(still: Tensor, view: int, seed: int) -> Tensor:
    """One view of a photo.

    Args:
        still: uint8 `(H, W, 3)`.
        view: See the top of this file.
        seed: Of the random crop.

    Returns:
        uint8 `(h, w, 3)`.
    """
    if view == 0:
        return still
    if view == 1:
        return still.flip(1)
    generator = torch.Generator().manual_seed(seed)
    share, down, right, mirrored = torch.rand(4, generator=generator).tolist()
    share = SMALLEST_CROP + (LARGEST_CROP - SMALLEST_CROP) * share
    height, width = (int(side * share) for side in still.shape[:2])
    top = round(down * (still.shape[0] - height))
    left = round(right * (still.shape[1] - width))
    crop = still[top : top + height, left : left + width]
    return crop.flip(1) if mirrored < 0.5 else crop


def sentences(captions: Sequence[str]) -> tuple[str, ...]:
    """Captions as sentences: capital letter, full stop, no stray blanks; stumps are left out."""
    long_enough = [caption for caption in captions if len(caption.split()) > 2]
    return tuple(_sentence(caption) for caption in long_enough or captions[:1])


def _sentence(caption: str) -> str:
    text = re.sub(r"\s+([.,!?;:')])", r"\1", caption.strip())
    text = re.sub(r'"\s*([^"]*?)\s*"', r'"\1"', text)
    text = re.sub(r"\s+", " ", text)
    if text and text[-1] not in ".!?":
        text += "."
    return text[:1].upper() + text[1:]


class _Encoder:
    """The frozen image encoder, made fast, with what it reads."""

    def __init__(self, model: VideoLlamaForConditionalGeneration) -> None:
        self._config = model.config
        self.digest = fingerprint(model.vision_encoder)
        self._encoder = fold_batch_norms(cast("EfficientNetLite", model.vision_encoder))

    def __call__(self, pixels: Tensor) -> Tensor:
        return self._encoder(pixels.contiguous(memory_format=torch.channels_last))

    @torch.inference_mode()
    def black(self) -> Tensor:
        """Features of a black frame, float16 `(P, D)`."""
        side = self._config.vision_config.image_size
        return self(frame_values(black_frames(1, side, side), self._config))[0].to(torch.float16)

    def read(self, photos: Sequence[Photo], view: int, row: int) -> Tensor:
        """Pixels of one view of a photo, normalised, `(3, size, size)`."""
        path = photos[row].path
        clip = read_clip(path, want_audio=False)
        if clip.frames is None:
            raise MediaError(f"{path} shows no picture.")
        seed = zlib.crc32(f"{path.name} {view}".encode())
        return frame_values(photo_view(clip.frames[0], view, seed).unsqueeze(0), self._config)[0]
