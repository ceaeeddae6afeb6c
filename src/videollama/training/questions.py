"""Questions and answers made by rules from what is known of a clip: captions and a sound's label.

The default model learns to answer from these. Every answer is one short sentence. Absent objects
are asked for as often as present ones, and what cannot be seen or heard is said.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from videollama.media.object_words import OBJECT_WORDS, ObjectWords, things_only_in
from videollama.media.sound_labels import SOUND_LABELS

AudioStatus = Literal["present", "silent", "absent"]
ClipKind = Literal["image", "video", "audio"]

CANNOT_SEE = "There is no picture, so I cannot see anything."
BLACK = "The picture is black, so I cannot see anything."
NO_TRACK = "The clip has no audio track, so I cannot hear anything."
SILENT = "The audio is silent, so I do not hear anything."
IMAGE_SOUND = "This is a picture without audio track, so I cannot hear anything."

DESCRIBE = (
    "Describe the {medium}.",
    "What do you see?",
    "What is in the {medium}?",
    "What is happening in the {medium}?",
    "What happens?",
    "Describe what you see in one sentence.",
    "Caption the {medium}.",
)
HEAR = (
    "What do you hear?",
    "Describe the sound.",
    "What sound is this?",
    "Which sound can be heard?",
    "What is making the noise?",
)
SEE_AND_HEAR = (
    "What do you see and hear?",
    "What happens, and what do you hear?",
    "Describe what is seen and heard.",
    "Describe the video and its sound.",
)
ANY_SOUND = ("Is there any sound?", "Is there sound?", "Can you hear anything?")
ORDER = (
    "What happens first, and what happens then?",
    "What comes first, and what comes next?",
    "Describe the scenes in order.",
    "What happens in the video?",
)
AT_FIRST = (
    "What is shown first?",
    "What happens first?",
    "Describe the first scene.",
    "How does the video begin?",
)
AT_LAST = (
    "What is shown last?",
    "What happens at the end?",
    "Describe the last scene.",
    "How does the video end?",
)
TYPICAL = 3
"""So many of a picture's captions are learned: the rest agree least with what others say."""

NUMBERS = ("two", "three", "four", "five", "six")
_PLURALS = (
    "men|women|boys|girls|people|children|kids|dogs|horses|birds|players|cyclists|skiers|bikes|"
    "boats|cars|babies|adults|ladies|guys|teenagers|hikers|surfers|runners|puppies"
)
_COUNT = re.compile(rf"\b({'|'.join(NUMBERS)})(?: [a-z]+)? ({_PLURALS})\b")
_PLACE = re.compile(
    r"\b((?:on|in|at|through|across|along|near|over|down|into|under|beside|by|next to|in front of)"
    r" (?:a|an|the|some)(?: [a-z]+){0,2} "
    r"(?:beach|street|field|grass|snow|water|pool|park|road|ocean|river|lake|forest|woods|mountain|"
    r"hill|sidewalk|yard|playground|court|stage|sand|dirt|building|city|trail|path|track|rock|rocks|"
    r"cliff|wall|bench|couch|bed|table|room|kitchen|store|restaurant|crowd|ramp|boat|car|tree|trees|"
    r"mud|sea|waves|air|sky|stadium|gym|house|fence|bridge|stairs|steps|slope|desert))\b"
)
_WHO = re.compile(
    r"^((?:a|an|the|two|three|four|five|several|some|many|one)(?: [a-z]+){0,2}? "
    r"(?:man|woman|boy|girl|child|baby|person|people|men|women|boys|girls|children|kids|dog|dogs|"
    r"player|players|skier|snowboarder|surfer|skateboarder|cyclist|biker|climber|group|couple|"
    r"toddler|lady|guy|horse|cat|bird|football player|basketball player))\b"
)
_COLOURED = re.compile(
    r"\b(black|white|brown|red|blue|green|yellow|orange|pink|purple|gray|grey|tan) "
    r"(dog|shirt|jacket|dress|ball|car|hat|horse|coat|bike|cat|boat|helmet|uniform|jersey|shorts)\b"
)
_VERB = re.compile(r"\b(?:is|are) ([a-z]+ing\b.*)$")


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a composed clip.

    Attributes:
        kind: What the model is told that it gets.
        scenes: Captions of each scene in order, each in sentence form, the most typical first;
            empty for black pictures and for sound files.
        audio: What the sound track is; "absent" for pictures.
        sound: ESC-50 label of the sound, where `audio` is "present".
    """

    kind: ClipKind
    scenes: tuple[tuple[str, ...], ...]
    audio: AudioStatus
    sound: str | None = None


@dataclass(frozen=True)
class Question:
    """A question, and answers of which each is right on its own.

    Attributes:
        text: The question.
        answers: Each right on its own.
        is_opening: The answers are only how an answer opens, up to the word that decides. Where
            much is asked about one clip, the rest would teach nothing new.
    """

    text: str
    answers: tuple[str, ...]
    is_opening: bool = False


def caption_question(facts: ClipFacts, draw: Random, num_answers: int) -> Question:
    """Ask for a description; the answers are the most typical captions of a one-scene clip."""
    return Question(_ask(DESCRIBE, facts, draw), facts.scenes[0][:num_answers])


def scene_questions(facts: ClipFacts, draw: Random, num_answers: int) -> list[Question]:
    """Ask for the story, the first scene and the last one of a clip of several scenes.

    The answers for a scene are people's captions of it. Nothing else teaches the order of scenes
    as fast: each answer tells a dozen words about which queries to look at.
    """
    stories = tuple(_story(facts, draw) for _ in range(num_answers))
    asked = [Question(_ask(ORDER, facts, draw), stories)]
    for forms, captions in ((AT_FIRST, facts.scenes[0]), (AT_LAST, facts.scenes[-1])):
        asked.append(Question(_ask(forms, facts, draw), captions[:num_answers]))
    return asked


def short_questions(
    facts: ClipFacts, draw: Random, num_things: int, num_orders: int, times_asked: Counter[str]
) -> list[Question]:
    """Draw questions that one word decides: is a thing there, and which of two comes first.

    Only how the answer opens is learned, so many of them cost little.

    Args:
        facts: What is known of the clip.
        draw: Source of randomness.
        num_things: How many things that are there are asked for at most, and as many that are not.
        num_orders: How many pairs of things are asked for at most, where there are two scenes.
        times_asked: See `picture_questions`.
    """
    asked = _presence(facts, draw, times_asked, num_things)
    if len(facts.scenes) > 1:
        asked += _order(facts, draw, num_orders)
    return [_opening(question) for question in asked]


def _opening(question: Question) -> Question:
    """The question with its answer up to the comma: "Yes" or "First a dog"."""
    openings = tuple(answer.split(",")[0] for answer in question.answers)
    return Question(question.text, openings, is_opening=True)


def sound_questions(facts: ClipFacts, draw: Random, number: int) -> list[Question]:
    """Draw at most so many questions about what is heard, in random order."""
    return _some(_about_sound(facts, draw), draw, number)


def picture_questions(
    facts: ClipFacts, draw: Random, number: int, times_asked: Counter[str]
) -> list[Question]:
    """Draw questions about what is seen, of different kinds where there are enough.

    Args:
        facts: What is known of the clip.
        draw: Source of randomness.
        number: How many questions to return at most.
        times_asked: Per thing, how much more often "yes" than "no" was the answer so far; kept up
            to date here, so that knowing which things are common does not help to answer.

    Returns:
        Questions with their answers, in random order.
    """
    return _some(_about_pictures(facts, draw, times_asked), draw, number)


def _some(candidates: list[Question], draw: Random, number: int) -> list[Question]:
    return draw.sample(candidates, min(number, len(candidates)))


def _ask(forms: Sequence[str], facts: ClipFacts, draw: Random) -> str:
    medium = "picture" if facts.kind == "image" else "video"
    if facts.kind == "image" and draw.random() < 0.5:
        medium = "image"
    return draw.choice(forms).format(medium=medium)


def heard(facts: ClipFacts) -> str:
    """The sentence that answers "What do you hear?"."""
    if facts.audio == "present" and facts.sound is not None:
        return f"I hear {SOUND_LABELS[facts.sound].phrase}."
    if facts.kind == "image":
        return IMAGE_SOUND
    return SILENT if facts.audio == "silent" else NO_TRACK


def _about_sound(facts: ClipFacts, draw: Random) -> list[Question]:
    answer = heard(facts)
    found = [Question(_ask(HEAR, facts, draw), (answer,))]
    if facts.audio == "present" and facts.sound is not None:
        found.append(Question(_ask(ANY_SOUND, facts, draw), (f"Yes, {answer}",)))
        named = facts.sound
        if draw.random() < 0.5:
            named = draw.choice([label for label in SOUND_LABELS if label != facts.sound])
        verdict = "Yes" if named == facts.sound else "No"
        text = f"Do you hear {SOUND_LABELS[named].phrase}?"
        found.append(Question(text, (f"{verdict}, {answer}",)))
    else:
        found.append(Question(_ask(ANY_SOUND, facts, draw), (f"No. {answer}",)))
    return found


def _about_pictures(facts: ClipFacts, draw: Random, times_asked: Counter[str]) -> list[Question]:
    if not facts.scenes:
        nothing = CANNOT_SEE if facts.kind == "audio" else BLACK
        found = [Question(_ask(DESCRIBE, facts, draw), (nothing,))]
        both = f"{nothing} {heard(facts)}"
        return [*found, Question(_ask(SEE_AND_HEAR, facts, draw), (both,))]
    found = _presence(facts, draw, times_asked, 1)
    if len(facts.scenes) > 1:
        found += _order(facts, draw, 1)
    else:
        found += _details(facts.scenes[0], draw)
    if facts.kind == "video":
        seen = _story(facts, draw)
        found.append(Question(_ask(SEE_AND_HEAR, facts, draw), (f"{seen} {heard(facts)}",)))
    return found


def _story(facts: ClipFacts, draw: Random) -> str:
    """One caption, or "First …, then …." over the scenes."""
    chosen = [draw.choice(captions[:TYPICAL]) for captions in facts.scenes]
    if len(chosen) == 1:
        return chosen[0]
    clauses = [_clause(caption) for caption in chosen]
    return f"First {', then '.join(clauses)}."


def _clause(caption: str) -> str:
    """A caption as part of a sentence: first letter small, no full stop."""
    return (caption[0].lower() + caption[1:]).rstrip(".")


def _presence(
    facts: ClipFacts, draw: Random, times_asked: Counter[str], number: int
) -> list[Question]:
    """Questions about things that are there, and as many about things that are not."""
    everything = [caption for captions in facts.scenes for caption in captions]
    present = [
        thing
        for thing in OBJECT_WORDS.values()
        if any(thing.is_present(captions) for captions in facts.scenes)
    ]
    absent = [thing for thing in OBJECT_WORDS.values() if thing.is_absent(everything)]
    medium = "picture" if facts.kind == "image" else "video"
    found = []
    for thing in draw.sample(present, min(number, len(present), len(absent))):
        yes = f"Yes, there is {thing.phrase}."
        found.append(Question(f"Is there {thing.phrase} in the {medium}?", (yes,)))
        times_asked[thing.name] += 1
        missing = max(absent, key=lambda thing: (times_asked[thing.name], draw.random()))
        absent.remove(missing)
        times_asked[missing.name] -= 1
        no = f"No, I do not see {missing.phrase}."
        found.append(Question(f"Is there {missing.phrase} in the {medium}?", (no,)))
    return found


def _order(facts: ClipFacts, draw: Random, number: int) -> list[Question]:
    """Questions which of two things comes first."""
    pairs = orderable_things(facts.scenes[0], facts.scenes[-1])
    found = []
    for a, b in draw.sample(pairs, min(number, len(pairs))):
        named = [a.phrase, b.phrase]
        draw.shuffle(named)
        text = f"Which comes first, {named[0]} or {named[1]}?"
        found.append(Question(text, (f"First {a.phrase}, then {b.phrase}.",)))
    return found


def order_exchanged(question: Question) -> Question:
    """The question which of two things comes first, for a clip with its scenes exchanged.

    Args:
        question: One of `short_questions`, with its answer up to the comma.
    """
    named = question.text.removeprefix("Which comes first, ").removesuffix("?").split(" or ")
    [other] = [f"First {name}" for name in named if f"First {name}" not in question.answers]
    return replace(question, answers=(other,))


def orderable_things(
    first: Sequence[str], last: Sequence[str]
) -> list[tuple[ObjectWords, ObjectWords]]:
    """Pairs of a thing only in the first scene and a thing only in the last.

    Args:
        first: Captions of the first scene.
        last: Captions of the last scene.
    """
    only_first, only_last = things_only_in(first, last), things_only_in(last, first)
    return [(a, b) for a in only_first for b in only_last]


def _details(captions: Sequence[str], draw: Random) -> list[Question]:
    """Who, what, where, how many and which colour, read from the captions' words."""
    lowered = [_clause(caption).lower() for caption in captions]
    found = []
    counts = [match for match in map(_COUNT.search, lowered) if match]
    if counts:
        number, things = draw.choice(counts).groups()
        found.append(Question(f"How many {things} are there?", (f"There are {number} {things}.",)))
    places = [match.group(1) for match in map(_PLACE.search, lowered) if match]
    if places:
        place = draw.choice(places)
        found.append(Question("Where is this?", (f"{place[0].upper()}{place[1:]}.",)))
    who = [match.group(1) for match in map(_WHO.search, lowered) if match]
    if who:
        name = draw.choice(who)
        found.append(Question("Who or what is shown?", (f"{name[0].upper()}{name[1:]}.",)))
    doing = [match.group(1) for match in map(_VERB.search, lowered) if match]
    if doing:
        deed = draw.choice(doing)
        found.append(Question("What is going on?", (f"{deed[0].upper()}{deed[1:]}.",)))
    colours = [match for match in map(_COLOURED.search, lowered) if match]
    if colours:
        colour, thing = draw.choice(colours).groups()
        found.append(Question(f"What colour is the {thing}?", (f"The {thing} is {colour}.",)))
    return found
