"""Task `yesno`: is a thing there? As often yes as no, for every thing."""

import random
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from videollama.evaluation.metrics import balanced_accuracy, margin_of_mean
from videollama.evaluation.tasks import Sample, Scores, photo_clip, seed_of
from videollama.media.captioned_photos import Photo, read_photos
from videollama.media.object_words import OBJECT_WORDS, ObjectWords

USUAL_QUESTIONS = 1000
MOST_PER_THING = 40


class YesNoTask:
    """Balanced accuracy of questions "Is there a dog in the picture?"; chance is 50 %.

    A thing is there when at least two captions name it, and not there when no caption holds a word
    that could mean it. Every thing is asked as often where it is as where it is not, so that
    knowing which things are common does not help.

    Args:
        folder: Photos with captions (see `read_photos`).
        split: Part of the data; None takes what is not for training.
        limit: Number of questions (rounded down to pairs); None asks up to 1000.
        seed: Of the draw of photos and the camera's path.
        num_frames: 1 shows the photo, more a video that pans over it.

    Raises:
        DataError: If the folder is not usable.
    """

    name = "yesno"
    max_new_tokens = 12

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
        draw = random.Random(seed)
        pairs = [pair for thing in OBJECT_WORDS.values() for pair in _pairs(thing, photos, draw)]
        draw.shuffle(pairs)
        num_pairs = (USUAL_QUESTIONS if limit is None else limit) // 2
        self.samples = [
            _sample(thing, photo, truth, num_frames, seed)
            for thing, shown, missing in pairs[:num_pairs]
            for photo, truth in ((shown, "yes"), (missing, "no"))
        ]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Read yes or no from each answer; anything else is wrong."""
        truths = [sample.truth for sample in samples]
        said = [yes_or_no(answer) for answer in answers]
        share = 100.0 / max(len(samples), 1)
        numbers = {
            "balanced accuracy": 100.0 * balanced_accuracy(truths, said),
            "said yes": share * said.count("yes"),
            "clear answers": share * sum(word is not None for word in said),
        }
        right = [100.0 * (word == truth) for word, truth in zip(said, truths, strict=True)]
        return Scores(numbers, tuple(right), margin_of_mean(right))


def yes_or_no(answer: str) -> str | None:
    """Read "yes" or "no" from an answer; None when it is neither.

    The first word counts; without one, "there is no …" and "I (can)not see …" mean no, and
    "there is …" and "I see …" mean yes.
    """
    words = re.findall(r"[a-z']+", answer.lower())
    if words and words[0] in ("yes", "no"):
        return words[0]
    text = " ".join(words)
    if re.match(
        r"(there (is|are) (no|not)\b|there (isn't|aren't)|i (do not|don't|can't|cannot))", text
    ):
        return "no"
    return "yes" if re.match(r"(there (is|are)|i (can )?see)\b", text) else None


def _pairs(
    thing: ObjectWords, photos: Sequence[Photo], draw: random.Random
) -> list[tuple[ObjectWords, Photo, Photo]]:
    """As many photos with the thing as without."""
    shown = [photo for photo in photos if thing.is_present(photo.captions)]
    missing = [photo for photo in photos if thing.is_absent(photo.captions)]
    number = min(len(shown), len(missing), MOST_PER_THING)
    chosen = zip(draw.sample(shown, number), draw.sample(missing, number), strict=True)
    return [(thing, with_it, without) for with_it, without in chosen]


def _sample(thing: ObjectWords, photo: Photo, truth: str, num_frames: int, seed: int) -> Sample:
    name = f"{thing.name}/{photo.path.name}"
    medium = "picture" if num_frames == 1 else "video"
    return Sample(
        id=name,
        question=f"Is there {thing.phrase} in the {medium}?",
        truth=truth,
        open_clip=partial(photo_clip, photo.path, num_frames, seed_of(seed, name)),
        group=thing.name,
    )
