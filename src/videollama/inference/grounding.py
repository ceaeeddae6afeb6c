"""What an answer tells that its files do not bear out.

Two cheap questions: is a sound named where none was heard, and does the model still say yes when it
is asked for each thing that it named? Words are looked for in English only.
"""

import re
from collections.abc import Iterator, Sequence

from videollama.inference.answer import Flag
from videollama.inference.likelihood import show, yes_likelihoods
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import Message, shown_in, text_of
from videollama.inference.sound_name import sound_name
from videollama.media.clip import Clip
from videollama.media.object_words import OBJECT_WORDS
from videollama.media.sound_labels import (
    SOUND_LABELS,
    named_sounds,
    says_no_audio_track,
    says_silence,
    without_denials,
)

UNLIKELY = 0.5
"""Below this likelihood of yes a thing is flagged; `benchmarks.grounding` tells what others hit."""

_HEARD = re.compile(r"\b(?:hear|hears|heard|listen(?:s|ing)?|(?:sounds?|noises?) of|audible)\b")
_ASKS_FOR_SOUND = re.compile(r"\b(?:hear|heard|listen|audible|sounds?|noises?|audio)\b")
_ASKS_FOR_SIGHT = re.compile(r"\b(?:see|seen|look|watch|show[ns]?|happen(?:s|ing|ed)?)\b")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_YES = re.compile(r"yes\W*")
_DENIES = re.compile(r"(?:\w+ ){0,2}(?:no|not)\b")


def flags_of(
    encoder: MediaEncoder, messages: Sequence[Message], clips: Sequence[Clip], answer: str
) -> tuple[Flag, ...]:
    """Everything that an answer tells and its files do not bear out.

    Args:
        encoder: Of the model, whose decoder is asked again, eight things a pass.
        messages: The conversation in transformers' form, up to the question.
        clips: What the numbers in `messages` refer to.
        answer: What the model said.
    """
    question, shown = text_of(messages[-1]), shown_in(messages, clips)
    sounds = _sound_flags(shown, question, answer)
    return (*sounds, *_object_flags(encoder, shown, question, answer))


def named_things(answer: str) -> frozenset[str]:
    """The things of the table that an answer says are there."""
    said = [without_denials(answer)]
    return frozenset(name for name, thing in OBJECT_WORDS.items() if thing.num_captions(said))


def claimed_sound(question: str, answer: str) -> str | None:
    """The sound that an answer says is heard; None where it says nothing of sounds, or denies them.

    An answer speaks of sounds where it says so, or where nothing else was asked for.
    """
    if says_silence(answer) or says_no_audio_track(answer):
        return None
    for sentence in _SENTENCE_END.split(answer):
        if _HEARD.search(without_denials(sentence)):
            return sound_name(sentence) or sentence
    if not _asks_for_sound_only(question) or _DENIES.match(without_denials(answer)):
        return None
    if _YES.fullmatch(answer.lower()):
        asked_for = sorted(named_sounds(question))
        return SOUND_LABELS[asked_for[0]].phrase if asked_for else "any"
    return sound_name(answer)


def _asks_for_sound_only(question: str) -> bool:
    words = question.lower()
    return bool(_ASKS_FOR_SOUND.search(words)) and not _ASKS_FOR_SIGHT.search(words)


def _sound_flags(shown: Sequence[tuple[str, Clip]], question: str, answer: str) -> Iterator[Flag]:
    statuses = [clip.audio_status for _, clip in shown if clip.kind != "image"] or ["absent"]
    if "present" in statuses:
        return
    if (name := claimed_sound(question, answer)) is not None:
        yield Flag("sound", name, statuses[0])


def _object_flags(
    encoder: MediaEncoder, shown: Sequence[tuple[str, Clip]], question: str, answer: str
) -> Iterator[Flag]:
    pictures = [clip for kind, clip in shown if kind != "audio" and clip.frames is not None]
    if not pictures or _asks_for_sound_only(question):
        return
    for name, likelihood in likelihoods_of_things(encoder, pictures, _seen_part(answer)).items():
        if likelihood < UNLIKELY:
            yield Flag("object", OBJECT_WORDS[name].phrase, "unlikely", likelihood)


def likelihoods_of_things(
    encoder: MediaEncoder, clips: Sequence[Clip], answer: str
) -> dict[str, float]:
    """Every thing that an answer names, and how likely the model finds it when asked for it.

    Args:
        encoder: Of the model, with its decoder.
        clips: With a picture each; a thing may be in any of them.
        answer: What the model said of what is seen.

    Returns:
        P(yes) by the names of `OBJECT_WORDS`, in the order of the alphabet.
    """
    names = sorted(named_things(answer))
    if not names:
        return {}
    media = [(show(encoder, clip), clip) for clip in clips]
    rows = [(name, medium, clip) for name in names for medium, clip in media]
    found = yes_likelihoods(
        encoder,
        [medium for _, medium, _ in rows],
        [_is_there(name, clip) for name, _, clip in rows],
    )
    likelihoods = dict.fromkeys(names, 0.0)
    for (name, _, _), likelihood in zip(rows, found, strict=True):
        likelihoods[name] = max(likelihoods[name], likelihood)
    return likelihoods


def _is_there(name: str, clip: Clip) -> str:
    where = "picture" if clip.kind == "image" else "video"
    return f"Is there {OBJECT_WORDS[name].phrase} in the {where}?"


def _seen_part(answer: str) -> str:
    """The sentences that do not speak of sounds."""
    sentences = _SENTENCE_END.split(answer)
    return " ".join(each for each in sentences if not _HEARD.search(each.lower()))
