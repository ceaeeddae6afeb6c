"""Task `captions`: describe a photo; the sentence is compared with those of people."""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from videollama.evaluation.metrics import caption_scores, margin_of_mean
from videollama.evaluation.tasks import Sample, Scores, photo_clip, seed_of
from videollama.media.captioned_photos import Photo, read_photos

PICTURE_QUESTION = "Describe the picture."
VIDEO_QUESTION = "Describe the video."


class CaptionsTask:
    """CIDEr-D, BLEU and METEOR of one sentence per photo.

    Args:
        folder: Photos with captions (see `read_photos`).
        split: Part of the data; None takes what is not for training.
        limit: Number of photos, drawn with `seed`; None takes all.
        seed: Of the draw and the camera's path.
        num_frames: 1 shows the photo, more a video that pans over it.

    Raises:
        DataError: If the folder is not usable.
    """

    name = "captions"
    max_new_tokens = 30

    def __init__(
        self,
        folder: Path,
        *,
        split: str | None = None,
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 1,
    ) -> None:
        photos, chosen = read_photos(folder, split)
        self.source = f"split {chosen}"
        if limit is not None and limit < len(photos):
            kept = sorted(random.Random(seed).sample(range(len(photos)), limit))
            photos = [photos[index] for index in kept]
        self.samples = [_sample(photo, num_frames, seed) for photo in photos]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Compare the first sentence of each answer with the people's captions."""
        return score_captions(samples, answers)


def score_captions(samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
    """CIDEr-D, BLEU and METEOR of each answer's first sentence, against the truth's captions."""
    sentences = [first_sentence(answer) for answer in answers]
    scores = caption_scores(sentences, [sample.truth for sample in samples])
    numbers = {"CIDEr-D": scores.cider_d}
    numbers |= {f"BLEU-{order}": value for order, value in enumerate(scores.bleu, start=1)}
    if scores.meteor.score is not None:
        numbers["METEOR"] = 100.0 * scores.meteor.score
    left_out = {"METEOR": scores.meteor.reason} if scores.meteor.score is None else {}
    per_caption = scores.cider_d_per_caption
    return Scores(numbers, per_caption, margin_of_mean(per_caption), left_out=left_out)


def first_sentence(answer: str) -> str:
    """The answer up to its first full stop, question mark or line break."""
    line = next(iter(answer.strip().splitlines()), "")
    for position, letter in enumerate(line):
        if letter in ".!?" and line[position + 1 : position + 2] in ("", " "):
            return line[: position + 1]
    return line


def _sample(photo: Photo, num_frames: int, seed: int) -> Sample:
    name = photo.path.name
    return Sample(
        id=name,
        question=PICTURE_QUESTION if num_frames == 1 else VIDEO_QUESTION,
        truth=list(photo.captions),
        open_clip=partial(photo_clip, photo.path, num_frames, seed_of(seed, name)),
    )
