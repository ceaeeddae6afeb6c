"""Task `hallucination`: how often something is told that is not there."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

from videollama.errors import MediaError
from videollama.evaluation.composed_videos import black_video, pan_video, silent_track
from videollama.evaluation.metrics import margin_of_mean
from videollama.evaluation.sounds import QUESTION as SOUND_QUESTION
from videollama.evaluation.tasks import Sample, Scores, seed_of, share_by_group
from videollama.evaluation.yes_no import YesNoTask, yes_or_no
from videollama.inference.grounding import named_things
from videollama.media.captioned_photos import Photo, read_photos
from videollama.media.clip import Clip
from videollama.media.decode import read_clip
from videollama.media.labelled_sounds import Sound, read_sounds
from videollama.media.object_words import OBJECT_WORDS
from videollama.media.sound_labels import (
    SOUND_LABELS,
    named_sounds,
    says_no_audio_track,
    says_silence,
)

USUAL_QUESTIONS = 500
PICTURE_QUESTION = "What do you see?"
ABSENT = "absent thing"
BLACK = "black video"
NO_TRACK = "no audio track"
SILENT = "silent track"
SEEN_ONLY = "seen, not heard"
HEARD_ONLY = "heard, not seen"
_BOTH_KINDS = sorted(OBJECT_WORDS.keys() & SOUND_LABELS.keys())
"""Things that can be asked about as things and as sounds."""


class HallucinationTask:
    """Share of questions to which the answer tells what is not there; less is better.

    A thing that is not in the photo (the answer says yes), a black video (it names a thing), videos
    without audio track or with a silent one (it does not say that nothing is heard). With sounds
    also the photo of a thing over another sound (it names the thing's sound), and the sound of a
    thing under a photo without it (it says that the thing is in the video).

    Args:
        folder: Photos with captions (see `read_photos`).
        sounds: Sounds with labels (see `read_sounds`).
        split: Part of the photos; None takes what is not for training.
        fold: Part of the sounds; None takes what is not for training.
        limit: Number of questions, as many of each kind; None asks up to 500.
        seed: Of draws and camera paths.
        num_frames: Frames of the composed videos.

    Raises:
        DataError: If a folder is not usable.
    """

    name = "hallucination"
    max_new_tokens = 24

    def __init__(
        self,
        folder: Path,
        *,
        sounds: Path | None = None,
        split: str | None = None,
        fold: str | None = None,
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 8,
    ) -> None:
        photos, chosen = read_photos(folder, split)
        self.source = f"split {chosen}"
        heard: list[Sound] = []
        if sounds is not None:
            heard, chosen_fold = read_sounds(sounds, fold)
            self.source += f", sounds of fold {chosen_fold}"
        draw = random.Random(seed)
        draw.shuffle(photos)
        draw.shuffle(heard)
        each = max(1, (USUAL_QUESTIONS if limit is None else limit) // (6 if heard else 4))
        absent = YesNoTask(folder, split=split, limit=2 * each, seed=seed).samples
        mute = partial(_mute, photos=photos[:each], num_frames=num_frames, seed=seed)
        self.samples = [
            *(_relabelled(sample) for sample in absent if sample.truth == "no"),
            *_black(each, num_frames),
            *mute(NO_TRACK),
            *mute(SILENT),
        ]
        for kind in (SEEN_ONLY, HEARD_ONLY) if heard else ():
            pairs = _pairs(kind, photos, heard)
            self.samples += [_with_sound(kind, *pair, num_frames, seed) for pair in pairs[:each]]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Look for what is not there; the first figure is the mean over the kinds."""
        invented = [
            100.0 * _INVENTS[sample.group](sample, answer)
            for sample, answer in zip(samples, answers, strict=True)
        ]
        by_kind = share_by_group("invented", samples, invented)
        numbers = {"invented": fmean(by_kind.values() or invented), **by_kind}
        return Scores(numbers, tuple(100.0 - v for v in invented), margin_of_mean(invented))


def _says_yes(_: Sample, answer: str) -> bool:
    return yes_or_no(answer) == "yes"


def _names_a_thing(_: Sample, answer: str) -> bool:
    return bool(named_things(answer))


def _does_not_deny_sound(_: Sample, answer: str) -> bool:
    return not (says_silence(answer) or says_no_audio_track(answer))


def _names_what_is_seen(sample: Sample, answer: str) -> bool:
    return sample.truth["seen"] in named_sounds(answer)


_INVENTS: dict[str, Callable[[Sample, str], bool]] = {
    ABSENT: _says_yes,
    BLACK: _names_a_thing,
    NO_TRACK: _does_not_deny_sound,
    SILENT: _does_not_deny_sound,
    SEEN_ONLY: _names_what_is_seen,
    HEARD_ONLY: _says_yes,
}


def _relabelled(sample: Sample) -> Sample:
    """A question of `yesno`, as one of this task."""
    return Sample(sample.id, sample.question, "no", sample.open_clip, ABSENT)


def _black(number: int, num_frames: int) -> list[Sample]:
    """Black videos are all alike; one of each length is asked about."""
    return [
        Sample(
            id=f"{BLACK}/{length}",
            question=PICTURE_QUESTION,
            truth="nothing",
            open_clip=partial(black_video, length),
            group=BLACK,
        )
        for length in range(1, min(number, 4 * num_frames) + 1)
    ]


def _mute(kind: str, photos: Sequence[Photo], num_frames: int, seed: int) -> list[Sample]:
    track = silent_track(num_frames) if kind == SILENT else None
    return [
        Sample(
            id=(name := f"{kind}/{photo.path.name}"),
            question=SOUND_QUESTION,
            truth="nothing",
            open_clip=partial(pan_video, photo.path, num_frames, seed_of(seed, name), track),
            group=kind,
        )
        for photo in photos
    ]


def _pairs(
    kind: str, photos: Sequence[Photo], sounds: Sequence[Sound]
) -> list[tuple[Photo, Sound, str]]:
    """Photos and sounds that do not belong together, with the thing that is only in one of them."""
    pairs = []
    for place, photo in enumerate(photos):
        sound = sounds[place % len(sounds)]
        for thing in _BOTH_KINDS:
            seen = OBJECT_WORDS[thing].is_present(photo.captions)
            unseen = OBJECT_WORDS[thing].is_absent(photo.captions)
            heard = sound.label == thing
            if (seen and not heard) if kind == SEEN_ONLY else (heard and unseen):
                pairs.append((photo, sound, thing))
    return pairs


def _with_sound(
    kind: str, photo: Photo, sound: Sound, thing: str, num_frames: int, seed: int
) -> Sample:
    name = f"{kind}/{photo.path.name}+{sound.path.name}"
    seen_only = kind == SEEN_ONLY
    return Sample(
        id=name,
        question=(
            SOUND_QUESTION if seen_only else f"Is there {OBJECT_WORDS[thing].phrase} in the video?"
        ),
        truth={"seen": thing if seen_only else f"no {thing}", "heard": sound.label},
        open_clip=partial(_sounding, photo, sound, num_frames, seed_of(seed, name)),
        group=kind,
    )


def _sounding(photo: Photo, sound: Sound, num_frames: int, seed: int) -> Clip:
    """A pan over the photo, with the sound's beginning."""
    waveform = read_clip(sound.path).waveform
    if waveform is None:
        raise MediaError(f"{sound.path} holds no sound; check it in a player.")
    length = silent_track(num_frames).shape[1]
    mono = waveform[:, :length].mean(dim=0, keepdim=True)
    return pan_video(photo.path, num_frames, seed, mono)
