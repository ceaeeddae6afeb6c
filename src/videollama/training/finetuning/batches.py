"""From places in the order of samples to padded prompts and features."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from videollama.training.batches import Batches
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.record import Sample
from videollama.training.finetuning.clip_features import ClipEncoder, ClipFeatures
from videollama.training.finetuning.feature_build import UNREADABLE
from videollama.training.finetuning.prompting import SamplePrompts, media_in_order
from videollama.training.labels import LabelledTokens, pad_batch

Take = Callable[[int, int], Sequence[Sample]]
"""Gives a number of samples from a place on; fewer at the end."""


class SampleBatches(Batches):
    """Batches of samples; each follows from seed and number alone.

    A sample that turns out to be unusable is counted and named, and its batch is smaller.

    Args:
        take: Gives the samples.
        prompts: Writes them down.
        encoder: Gives the features of their files.
        broken: Counts those that cannot be used.
        batch_size: Samples per batch.
        length: Number of batches.
        seed: Of frames that are drawn.
    """

    def __init__(
        self,
        take: Take,
        prompts: SamplePrompts,
        encoder: ClipEncoder,
        broken: BrokenSamples,
        *,
        batch_size: int,
        length: int,
        seed: int,
    ) -> None:
        super().__init__(length)
        self._take, self._prompts, self._encoder, self._broken = take, prompts, encoder, broken
        self._batch_size, self._seed = batch_size, seed

    def make(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        first = number * self._batch_size
        samples = list(enumerate(self._take(first, self._batch_size), start=first))
        with ThreadPoolExecutor() as pool:
            opened = list(pool.map(lambda pair: self._open(*pair), samples))
        usable: list[tuple[Sample, LabelledTokens, list[ClipFeatures]]] = []
        for (place, sample), clips in zip(samples, opened, strict=True):
            try:
                if isinstance(clips, Exception):
                    raise clips
                media = [clip.medium for clip in clips]
                usable.append((sample, self._prompts.label(sample, media, place), clips))
            except UNREADABLE as error:
                self._broken.add(sample.origin, str(error).rstrip("."))
        batch: dict[str, Any] = {"ids": [sample.origin for sample, _, _ in usable]}
        if not usable:
            return batch
        batch |= pad_batch([labelled for _, labelled, _ in usable], self._prompts.pad_token_id)
        clips = [clip for _, _, clips in usable for clip in clips]
        frames = [clip.frames for clip in clips if clip.frames is not None]
        if frames:
            batch["frame_features"], batch["pixel_mask"] = _stacked(frames)
        segments = [clip.segments for clip in clips if clip.segments is not None]
        if segments:
            batch["segment_features"], batch["audio_mask"] = _stacked(segments)
        return batch

    def _open(self, place: int, sample: Sample) -> list[ClipFeatures] | Exception:
        """The features of a sample's files, or what is wrong with one."""
        seed = self._seed * 1_000_003 + place
        try:
            return [self._encoder.features(file, seed) for file in media_in_order(sample)]
        except UNREADABLE as error:
            return error


def _stacked(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Features padded at the end, `(N, T, …)`, and the mask of what is there, `(N, T)`."""
    lengths = torch.tensor([len(each) for each in features])
    stacked = pad_sequence([each.float() for each in features], batch_first=True)
    return stacked, torch.arange(stacked.shape[1])[None] < lengths[:, None]
