"""Starts for the picture branch, without which it does not learn: projection and frame positions.

`frame_projection` begins with the directions in which features tell words apart.

From random weights a Q-Former does not find in thousands of steps what a linear map finds in
seconds. So the map is computed first, in closed form: ridge regression from a photo's mean feature
to its words, cut down to the projection's width, with every direction brought to a like spread.

Letters: N photos and views, W words, P patches, Dv width of the features, Dq of the projection.
"""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.photo_views import PhotoViews

RIDGE = 0.3  # times the mean variance of the features
SMALLEST_DEVIATION = 0.03
NUM_SPREAD_PHOTOS = 200
QUERY_SHIFT = 0.2  # half as long as a new query
PLACE_LENGTH = 2.0  # per frame; features are about 20 long
LATEST_PLACE = 8
NUM_VIEWS = 2  # the whole and the mirrored


@torch.no_grad()
def start_frame_projection(
    model: VideoLlamaForConditionalGeneration, photos: PhotoViews, shares: Tensor
) -> None:
    """Set the projection's weights from a regression.

    Args:
        model: Its `frame_projection` is changed.
        photos: Training photos.
        shares: Share of the captions of each photo that hold each word, `(photos, W)`.
    """
    views = min(NUM_VIEWS, photos.num_views)
    pooled = torch.cat([_pooled(photos, view) for view in range(views)])
    directions = word_directions(pooled, shares.repeat(views, 1))
    mean = pooled.mean(dim=0)
    number = min(NUM_SPREAD_PHOTOS, len(photos.photos))
    patches = torch.cat([_normed(photos, 0, photo) for photo in range(number)]) - mean
    projection = cast("nn.Linear", model.frame_projection[1])
    used = min(projection.out_features, directions.shape[1])
    spread = (patches @ directions[:, :used]).std(dim=0).clamp(min=1e-6)
    weight = directions[:, :used] / spread * (spread / spread.max()).sqrt()
    projection.weight[:used] = weight.T
    projection.bias[:used] = -mean @ weight


@torch.no_grad()
def start_frame_positions(model: VideoLlamaForConditionalGeneration) -> None:
    """Let the first half of the queries look at early frames, and the second half at late ones.

    Small random places drown in the features: after 6,000 clips a film and its reverse still gave
    the same tokens. So places get longer from frame to frame along the one direction that the
    first cross-attention is most sensitive to, and the queries are pushed apart along its
    counterpart. The first place stays as it is.
    """
    first_layer: Any = model.video_qformer.encoder.layer[0]
    attention = first_layer.crossattention.attention
    sought, _, found = torch.linalg.svd(attention.query.weight.T @ attention.key.weight)
    queries = model.video_query_tokens
    half = queries.shape[1] // 2
    queries[:, :half] -= QUERY_SHIFT * sought[:, 0]
    queries[:, half : 2 * half] += QUERY_SHIFT * sought[:, 0]
    table = model.frame_position_embedding.weight
    growth = torch.arange(table.shape[0]).clamp(max=LATEST_PLACE).float()
    table += PLACE_LENGTH * growth[:, None] * found[0]


def word_directions(features: Tensor, shares: Tensor) -> Tensor:
    """Directions of the features that foretell words, the most telling first.

    Args:
        features: One vector per photo, `(N, Dv)`.
        shares: Words of each, `(N, W)`.

    Returns:
        `(Dv, min(Dv, W))`.
    """
    centred = features - features.mean(dim=0)
    size = centred.shape[1]
    covariance = centred.T @ centred / len(centred)
    frequency = shares.mean(dim=0)
    weight = 1 / (frequency * (1 - frequency)).sqrt().clamp(min=SMALLEST_DEVIATION)
    target = centred.T @ ((shares - frequency) * weight) / len(centred)
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(size)
    regression = torch.linalg.solve(covariance + ridge, target)
    root = torch.linalg.cholesky(covariance + 1e-4 * torch.eye(size))
    words = torch.linalg.svd(root.T @ regression, full_matrices=False).Vh
    return regression @ words.T


def _normed(photos: PhotoViews, view: int, photo: int) -> Tensor:
    """Features as the projection's layer norm gives them, `(P, Dv)`."""
    features = torch.from_numpy(np.array(photos.features(view, photo))).float()
    return layer_norm(features, features.shape[-1:])


def _pooled(photos: PhotoViews, view: int) -> Tensor:
    """Mean feature of each photo, `(photos, Dv)`."""
    return torch.stack([_normed(photos, view, p).mean(dim=0) for p in range(len(photos.photos))])
