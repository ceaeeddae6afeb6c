"""Task `sounds`: name a sound, and say that there is none."""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from videollama.errors import DataError
from videollama.evaluation.composed_videos import pan_video, silent_track
from videollama.evaluation.metrics import margin_of_mean
from videollama.evaluation.tasks import Sample, Scores, seed_of
from videollama.media.captioned_photos import read_photos
from videollama.media.clip import Clip
from videollama.media.decode import read_clip
from videollama.media.labelled_sounds import Sound, read_sounds
from videollama.media.sound_labels import (
    SOUND_LABELS,
    named_sounds,
    says_no_audio_track,
    says_silence,
)

QUESTION = "What do you hear?"
NO_TRACK_QUESTIONS = (QUESTION, "Is there any sound?", "Describe the sound.")
NUM_CLIPS_WITHOUT_TRACK = 60
NUM_SILENT_CLIPS = 30
NO_TRACK = "no audio track"
SILENT = "silent"


class SoundsTask:
    """Share of sounds named, and of clips without sound of which this is said.

    Three kinds of clips: a sound file (named when its class and no other is in the answer), a video
    without audio track, and a video whose audio track is silent. The videos pan over photos, or
    over patches of colour where there are none; they are written to files and read like any other.

    Args:
        folder: Sounds with labels (see `read_sounds`).
        fold: Part of the data; None takes what is not for training.
        limit: Number of sound files, drawn with `seed`; None takes all.
        seed: Of the draw and the composed clips.
        num_frames: Frames of the clips without sound.
        photos: Photos for those clips (see `read_photos`).

    Raises:
        DataError: If a folder is not usable or holds a label outside ESC-50's.
    """

    name = "sounds"
    max_new_tokens = 24

    def __init__(
        self,
        folder: Path,
        *,
        fold: str | None = None,
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 8,
        photos: Path | None = None,
    ) -> None:
        sounds, chosen = read_sounds(folder, fold)
        unknown = sorted({sound.label for sound in sounds} - set(SOUND_LABELS))
        if unknown:
            raise DataError(
                f"{folder} holds the label {unknown[0]!r}, which is not one of ESC-50's 50 classes."
            )
        self.source = f"fold {chosen}"
        if limit is not None and limit < len(sounds):
            kept = sorted(random.Random(seed).sample(range(len(sounds)), limit))
            sounds = [sounds[index] for index in kept]
        groups = [NO_TRACK] * NUM_CLIPS_WITHOUT_TRACK + [SILENT] * NUM_SILENT_CLIPS
        pictures: list[Path | None] = [None]
        if photos is not None:
            shown, split = read_photos(photos)
            self.source += f", photos of split {split}"
            pictures = random.Random(seed).sample([p.path for p in shown], k=len(shown))
        self.samples = [
            *(_sound_sample(sound) for sound in sounds),
            *(
                _mute(group, number, pictures[number % len(pictures)], num_frames, seed)
                for number, group in enumerate(groups)
            ),
        ]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Read the named classes from the answers, and whether they deny sound."""
        right = [_is_right(s.group, s.truth, a) for s, a in zip(samples, answers, strict=True)]
        titles = {
            "named": "sound named",
            NO_TRACK: "no audio track said",
            SILENT: "silence said",
        }
        numbers: dict[str, float] = {}
        for group, title in titles.items():
            hits = [hit for s, hit in zip(samples, right, strict=True) if s.group == group]
            if hits:
                numbers[title] = 100.0 * sum(hits) / len(hits)
        per_sample = tuple(100.0 * hit for hit in right)
        named = [v for s, v in zip(samples, per_sample, strict=True) if s.group == "named"]
        return Scores(numbers, per_sample, margin_of_mean(named))


def _is_right(group: str, truth: str, answer: str) -> bool:
    if group == NO_TRACK:
        return says_no_audio_track(answer)
    if group == SILENT:
        return says_silence(answer)
    return named_sounds(answer) == {truth}


def _sound_sample(sound: Sound) -> Sample:
    return Sample(
        id=sound.path.name,
        question=QUESTION,
        truth=sound.label,
        open_clip=partial(read_clip, sound.path),
        group="named",
    )


def _mute(group: str, number: int, photo: Path | None, num_frames: int, seed: int) -> Sample:
    name = f"{group}/{number}"
    questions = NO_TRACK_QUESTIONS if group == NO_TRACK else (QUESTION,)
    return Sample(
        id=name,
        question=questions[number % len(questions)],
        truth=group,
        open_clip=partial(_mute_clip, group, photo, num_frames, seed_of(seed, name)),
        group=group,
    )


def _mute_clip(group: str, photo: Path | None, num_frames: int, seed: int) -> Clip:
    """A pan over the photo, out of a file without audio track or with a silent one."""
    return pan_video(photo, num_frames, seed, silent_track(num_frames) if group == SILENT else None)
