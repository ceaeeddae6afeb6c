"""Task `order`: two scenes follow one another; which thing comes first?"""

import random
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch

from videollama.evaluation.metrics import margin_of_mean
from videollama.evaluation.tasks import Sample, Scores, seed_of, silent_video, still_of
from videollama.media.captioned_photos import Photo, read_photos
from videollama.media.clip import Clip
from videollama.media.composition import (
    concatenate_scenes,
    pan_zoom,
    resize_still,
    scene_lengths,
)
from videollama.media.object_words import OBJECT_WORDS, ObjectWords, things_only_in

USUAL_QUESTIONS = 400


class OrderTask:
    """Share of questions "Which comes first, a dog or a boat?" answered rightly; chance is 50 %.

    Each pair of photos is shown in both orders with the same question, so that an answer that does
    not look at the clip is right once.

    Args:
        folder: Photos with captions (see `read_photos`).
        split: Part of the data; None takes what is not for training.
        limit: Number of questions (rounded down to pairs); None asks up to 400.
        seed: Of pairs, wordings, cuts and camera paths.
        num_frames: Frames of a clip, at least 4.

    Raises:
        DataError: If the folder is not usable.
    """

    name = "order"
    max_new_tokens = 24

    def __init__(
        self,
        folder: Path,
        *,
        split: str | None = None,
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 8,
    ) -> None:
        photos, chosen = read_photos(folder, split)
        self.source = f"split {chosen}"
        draw = random.Random(seed)
        draw.shuffle(photos)
        num_pairs = (USUAL_QUESTIONS if limit is None else limit) // 2
        self.samples: list[Sample] = []
        for (photo_a, a), (photo_b, b) in _pairs(photos, draw):
            if len(self.samples) >= 2 * num_pairs:
                break
            named = [a, b] if draw.random() < 0.5 else [b, a]
            question = f"Which comes first, {named[0].phrase} or {named[1].phrase}?"
            for first, second, truth in (
                (photo_a, photo_b, {"first": a.name, "second": b.name}),
                (photo_b, photo_a, {"first": b.name, "second": a.name}),
            ):
                name = f"{first.path.name}+{second.path.name}"
                clip_seed = seed_of(seed, name)
                clip = partial(_two_scenes, first.path, second.path, num_frames, clip_seed)
                self.samples.append(Sample(name, question, truth, clip))

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Compare the thing that each answer puts first with the truth."""
        things = [
            (OBJECT_WORDS[sample.truth["first"]], OBJECT_WORDS[sample.truth["second"]])
            for sample in samples
        ]
        said = [
            thing_said_first(answer, *both) for answer, both in zip(answers, things, strict=True)
        ]
        right = [thing == both[0] for thing, both in zip(said, things, strict=True)]
        share = 100.0 / max(len(samples), 1)
        numbers = {
            "order right": share * sum(right),
            "clear answers": share * sum(thing is not None for thing in said),
        }
        per_sample = tuple(100.0 * hit for hit in right)
        return Scores(numbers, per_sample, margin_of_mean(per_sample))


def thing_said_first(answer: str, one: ObjectWords, other: ObjectWords) -> ObjectWords | None:
    """Which of two things an answer puts first in time; None when it names neither.

    The one named first or alone, unless "after" stands between the two.
    """
    words = re.findall(r"[a-z]+(?:'s)?", answer.lower())
    places = {
        thing.name: next((i for i, word in enumerate(words) if word in thing.words), None)
        for thing in (one, other)
    }
    here, there = places[one.name], places[other.name]
    if here is None and there is None:
        return None
    if here is None or there is None:
        return one if there is None else other
    earlier, later = (one, other) if here < there else (other, one)
    return later if "after" in words[min(here, there) : max(here, there)] else earlier


def _pairs(
    photos: Sequence[Photo], draw: random.Random
) -> Iterator[tuple[tuple[Photo, ObjectWords], tuple[Photo, ObjectWords]]]:
    """Neighbours in the list, with a thing each that the other surely does not show."""
    for first, second in list(pairwise(photos))[::2]:
        only_first = things_only_in(first.captions, second.captions)
        only_second = things_only_in(second.captions, first.captions)
        if only_first and only_second:
            yield (first, draw.choice(only_first)), (second, draw.choice(only_second))


def _two_scenes(first: Path, second: Path, num_frames: int, seed: int) -> Clip:
    generator = torch.Generator().manual_seed(seed)
    lengths = scene_lengths(num_frames, 2, generator, shortest=min(3, num_frames // 2))
    stills = [still_of(path) for path in (first, second)]
    size = (stills[0].shape[0], stills[0].shape[1])
    scenes = [
        pan_zoom(resize_still(still, size), length, generator, smallest_crop=0.85)
        for still, length in zip(stills, lengths, strict=True)
    ]
    return silent_video(first, concatenate_scenes(scenes))
