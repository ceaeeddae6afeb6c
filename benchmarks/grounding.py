"""How often flags hit what an answer invents: `python -m benchmarks.grounding DATA`."""

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.report import write_result
from videollama import VideoLlama
from videollama.evaluation.composed_videos import pan_video, silent_track
from videollama.evaluation.tasks import seed_of
from videollama.inference.grounding import UNLIKELY, likelihoods_of_things
from videollama.media.captioned_photos import Photo, read_photos
from videollama.media.decode import read_clip
from videollama.media.object_words import OBJECT_WORDS

PICTURE_QUESTION = "Describe the video."
SOUND_QUESTIONS = ("What do you hear?", "Which animal do you hear?", "Do you hear a dog?")
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
FRAMES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder with flickr8k")
    parser.add_argument("--photos", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of photos")
    arguments = parser.parse_args()
    assistant = VideoLlama.load(cache_media=False)
    photos = read_photos(arguments.data / "flickr8k", "val")[0]
    photos = random.Random(arguments.seed).sample(photos, arguments.photos)
    things, seconds = named_things_of(assistant, photos)
    table = {str(limit): hits(things, limit) for limit in THRESHOLDS}
    for limit, row in table.items():
        print(f"below {limit}: {row}", flush=True)
    sounds = sounds_of(assistant, photos[: arguments.photos // 6], arguments.seed)
    print(sounds)
    times = {name: round(median(values), 3) for name, values in seconds.items()}
    print(times)
    write_result(
        "grounding",
        photos=arguments.photos,
        seed=arguments.seed,
        threshold=UNLIKELY,
        things=table,
        sounds=sounds,
        seconds=times,
    )


def named_things_of(
    assistant: VideoLlama, photos: Sequence[Photo]
) -> tuple[list[tuple[str, float]], dict[str, list[float]]]:
    """Every thing that a description names: whether captions bear it out, and P(yes)."""
    found, seconds = [], {"answer": [], "check": []}
    for photo in photos:
        clip = read_clip(photo.path, frame_size=assistant.processor.frame_size)
        started = perf_counter()
        answer = assistant.ask(clip, PICTURE_QUESTION).text
        answered = perf_counter()
        things = likelihoods_of_things(assistant.encoder, [clip], answer)
        seconds["answer"].append(answered - started)
        seconds["check"].append(perf_counter() - answered)
        found += [(truth_of(name, photo), value) for name, value in things.items()]
    return found, seconds


def truth_of(name: str, photo: Photo) -> str:
    """Whether a caption names a thing, none holds a word that could mean it, or neither."""
    thing = OBJECT_WORDS[name]
    if thing.num_captions(photo.captions):
        return "right"
    return "invented" if thing.is_absent(photo.captions) else "unclear"


def hits(things: Sequence[tuple[str, float]], limit: float) -> dict[str, str]:
    """How many of the invented, of the right and of the unclear things are flagged."""
    counts = {}
    for truth in ("invented", "right", "unclear"):
        values = [value for known, value in things if known == truth]
        counts[truth] = f"{sum(value < limit for value in values)} of {len(values)}"
    return counts


def sounds_of(assistant: VideoLlama, photos: Sequence[Photo], seed: int) -> dict[str, Any]:
    """What is told of videos without sound, flagged and not, for people to judge."""
    told: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for photo in photos:
        for track in (None, silent_track(FRAMES)):
            clip = pan_video(photo.path, FRAMES, seed_of(seed, photo.path.name), track)
            for question in SOUND_QUESTIONS:
                answer = assistant.ask(clip, question, check=True)
                told[any(flag.kind == "sound" for flag in answer.flags)][answer.text] += 1
    return {"flagged": dict(told[True]), "not flagged": dict(told[False])}


if __name__ == "__main__":
    main()
