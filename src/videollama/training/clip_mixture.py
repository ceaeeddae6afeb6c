"""Clips composed on the fly: which photos and sounds, and what is asked about them.

Nothing is decoded or encoded here; a composed clip names rows of the caches. Clip number n follows
from the seed and n alone, so that a run can go on anywhere.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from videollama.training.questions import (
    AudioStatus,
    ClipFacts,
    ClipKind,
    Question,
    caption_question,
    order_exchanged,
    orderable_things,
    picture_questions,
    scene_questions,
    short_questions,
    sound_questions,
)
from videollama.training.recipe import ClipsSection
from videollama.training.sample_order import SampleOrder

BLACK = -1
"""Stands for a black frame where a photo's number is expected."""

WINDOW = 256
"""Clips composed together, so that "yes" and "no" about each thing can be balanced."""

SCENES_TRIED = 4
"""So often a second scene is drawn in search of one that holds another thing than the first."""

PICTURES_ASKED_FOR_SOUND = 0.2
"""Share of single pictures of which is asked what is heard."""

VIDEO_WEIGHTS = (0.5, 0.15, 0.35)
"""How often a video has sound, a silent track and none."""

SOUND_FILE_WEIGHTS = (0.85, 0.15, 0.0)

PICTURE_QUESTION = "Describe the picture."


@dataclass(frozen=True)
class ComposedClip:
    """What is shown and heard, and what is asked.

    Attributes:
        kind: What the model is told that it gets.
        frames: (view, photo) of each frame; none for a sound.
        sound: Number of the sound, or None.
        variant: Variant of the sound.
        facts: What is known of the clip.
        questions: With their answers.
    """

    kind: ClipKind
    frames: tuple[tuple[int, int], ...]
    sound: int | None
    variant: int
    facts: ClipFacts
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Material:
    """What clips are composed of.

    Attributes:
        captions: Of each photo, as sentences.
        labels: Of each sound.
        num_views: Views of each photo.
        num_variants: Variants of each sound.
    """

    captions: Sequence[tuple[str, ...]]
    labels: Sequence[str]
    num_views: int
    num_variants: int


def _with_scenes_exchanged(clip: ComposedClip) -> ComposedClip:
    """The same questions about the last scene first.

    Side by side the two teach nothing but to look: what a question itself suggests is right once.
    """
    facts = replace(clip.facts, scenes=clip.facts.scenes[::-1])
    questions = tuple(order_exchanged(question) for question in clip.questions)
    return replace(clip, frames=clip.frames[::-1], facts=facts, questions=questions)


class ClipMixture:
    """An endless sequence of clips that can be entered anywhere.

    Args:
        material: Photos and sounds.
        options: The recipe's `clips` section.
        seed: Decides every clip.
    """

    def __init__(self, material: Material, options: ClipsSection, seed: int) -> None:
        self._material, self._options, self._seed = material, options, seed
        self._order = SampleOrder(len(material.captions), seed)
        self._window = -1
        self._clips: list[ComposedClip] = []

    def take(self, first: int, number: int) -> list[ComposedClip]:
        """Clips `first` to `first + number - 1`."""
        return [self[place] for place in range(first, first + number)]

    def __getitem__(self, place: int) -> ComposedClip:
        """Clip `place`."""
        if place // WINDOW != self._window:
            self._window = place // WINDOW
            draw = random.Random(f"{self._seed} {self._window}")
            times_asked: Counter[str] = Counter()
            photos = self._order.take(self._window * WINDOW, WINDOW)
            self._clips = []
            for photo in photos:
                clip = self._compose(photo, draw, times_asked)
                self._clips.append(clip)
                if all(question.is_opening for question in clip.questions):
                    self._clips.append(_with_scenes_exchanged(clip))
        return self._clips[place % WINDOW]

    def _compose(self, photo: int, draw: random.Random, times_asked: Counter[str]) -> ComposedClip:
        options = self._options
        if options.questions == "captions":
            return self._picture(photo, draw, None)
        share = draw.random()
        if share < options.pictures:
            return self._picture(photo, draw, times_asked)
        share -= options.pictures
        status, sound, variant = self._sound(draw, must_have_track=share < options.sounds)
        label = None if sound is None else self._material.labels[sound]
        frames: list[tuple[int, int]] = []
        kind: ClipKind = "video"
        scenes: list[int] = []
        asked: list[Question] = []
        if share < options.sounds:
            kind = "audio"
        elif share < options.sounds + options.black:
            frames = [(0, BLACK)] * draw.choice((1, 4))
        elif share < options.sounds + options.black + options.one_scene:
            scenes = [photo]
            frames = [(self._view(draw), photo) for _ in range(draw.choice((2, 3, 4, 8)))]
        else:
            other = self._another(photo, draw)
            scenes = [photo, other]
            frames = self._two_scenes(photo, other, draw)
        facts = ClipFacts(kind, tuple(self._material.captions[s] for s in scenes), status, label)
        if len(scenes) == 2 and draw.random() < options.both_orders:
            asked = short_questions(facts, draw, 0, options.orders, times_asked)
            if asked:
                return ComposedClip(kind, tuple(frames), sound, variant, facts, tuple(asked))
        if len(scenes) == 1:
            asked.append(caption_question(facts, draw, 2))
        elif scenes:
            asked += scene_questions(facts, draw, 2)
        num_about_sound, num_about_pictures = (3, 1) if kind == "audio" else (1, 1)
        asked += sound_questions(facts, draw, num_about_sound)
        asked += picture_questions(facts, draw, num_about_pictures, times_asked)
        asked += self._short_questions(facts, draw, times_asked)
        return ComposedClip(kind, tuple(frames), sound, variant, facts, tuple(asked))

    def _picture(
        self, photo: int, draw: random.Random, times_asked: Counter[str] | None
    ) -> ComposedClip:
        facts = ClipFacts("image", (self._material.captions[photo],), "absent")
        describe = caption_question(facts, draw, self._options.captions)
        if draw.random() < 0.5:
            describe = Question(PICTURE_QUESTION, describe.answers)
        asked = [describe]
        if times_asked is not None:
            asked += picture_questions(facts, draw, 1, times_asked)
            if draw.random() < PICTURES_ASKED_FOR_SOUND:
                asked += sound_questions(facts, draw, 1)
            asked += self._short_questions(facts, draw, times_asked)
        frames = ((self._view(draw), photo),)
        return ComposedClip("image", frames, None, 0, facts, tuple(asked))

    def _short_questions(
        self, facts: ClipFacts, draw: random.Random, times_asked: Counter[str]
    ) -> list[Question]:
        options = self._options
        return short_questions(facts, draw, options.things, options.orders, times_asked)

    def _sound(
        self, draw: random.Random, *, must_have_track: bool
    ) -> tuple[AudioStatus, int | None, int]:
        """The state of the sound track, the sound and its variant."""
        statuses: tuple[AudioStatus, ...] = ("present", "silent", "absent")
        weights = SOUND_FILE_WEIGHTS if must_have_track else VIDEO_WEIGHTS
        status = draw.choices(statuses, weights)[0]
        if status != "present":
            return status, None, 0
        sound = draw.randrange(len(self._material.labels))
        return status, sound, draw.randrange(self._material.num_variants)

    def _another(self, photo: int, draw: random.Random) -> int:
        """A second scene; rather one with which it can be asked what comes first."""
        captions = self._material.captions
        for _ in range(SCENES_TRIED):
            other = draw.randrange(len(captions))
            if orderable_things(captions[photo], captions[other]):
                break
        return other

    def _view(self, draw: random.Random) -> int:
        return draw.randrange(self._material.num_views)

    def _two_scenes(self, first: int, second: int, draw: random.Random) -> list[tuple[int, int]]:
        number = max(draw.choice((2, 3, 4, 8)), draw.choice((2, 4, 6, 8)))
        shortest = max(1, number // 4)
        cut = draw.randint(shortest, number - shortest)
        return [(self._view(draw), first)] * cut + [(self._view(draw), second)] * (number - cut)
