"""Subtitles from an analysis: what is seen as sentences, what is heard in brackets.

    Analysis (+ a transcript) -> subtitle_cues -> Cues that can be read in time -> write_subtitles

The rules are those of broadcasters and streaming services (BBC Subtitle Guidelines; Netflix Timed
Text Style Guide): how long, how fast, how wide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

from videollama.applications.analysis import Analysis, Segment
from videollama.applications.line_breaks import shortened, two_line_chunks
from videollama.errors import InputError

SHORTEST_CUE_SECONDS = 1.0
LONGEST_CUE_SECONDS = 7.0
MOST_CHARACTERS_PER_SECOND = 17
GAP_FRAMES = 2
_UNHURRIED_SECONDS = 3.0  # shown so long where there is room
_SLOWEST_RATE = 24.0  # two frames of a slide show would be seconds
_TICKS = 100  # a second; .ass files know no finer time
_MARKUP = str.maketrans({"{": "(", "}": ")", "<": "(", ">": ")", "\\": "/"})


@dataclass(frozen=True)
class Cue:
    """One subtitle.

    Attributes:
        start_seconds: When it appears.
        end_seconds: When it goes.
        text: One or two lines.
    """

    start_seconds: float
    end_seconds: float
    text: str


class _Item(NamedTuple):
    """Something to be said: from when on, in hundredths of a second, and in which words."""

    start: int
    text: str
    is_sound: bool


def subtitle_cues(analysis: Analysis, transcript: Sequence[Cue] = ()) -> list[Cue]:
    """Lays out an analysis as subtitles, one after the other.

    Sounds come when they begin; of a description that cannot be read before its segment ends, the
    beginning is shown. One that only repeats the last is left out.

    Args:
        analysis: Of a video or a sound.
        transcript: What is said, in order; it is kept as it is, and the rest stands in its pauses.

    Returns:
        Cues in order; those that are not of the transcript are 1 to 7 s long, have at most two
        lines of 42 characters and 17 characters a second, and are two frames apart.

    Raises:
        InputError: It is a still picture, which has no time.
    """
    if analysis.kind == "image":
        raise InputError(f"{analysis.path} is a picture; only videos and sounds have subtitles.")
    gap = ceil(GAP_FRAMES / max(analysis.frames_per_second or 0.0, _SLOWEST_RATE) * _TICKS)
    said = [
        (floor(cue.start_seconds * _TICKS), ceil(cue.end_seconds * _TICKS)) for cue in transcript
    ]
    cues: list[Cue] = []
    free_from, described = 0, ""
    for segment in analysis.segments:
        items = _items(analysis, segment, described)
        described = segment.seen.text if segment.seen else described
        stop = max(floor(segment.end_seconds * _TICKS), items[0].start + _TICKS if items else 0)
        for number, item in enumerate(items):
            for start, end in _pauses(max(item.start, free_from), stop, said, gap):
                cue = _cue(item, items[number + 1 :], start, end, gap)
                if cue is not None:
                    cues.append(cue)
                    free_from = round(cue.end_seconds * _TICKS) + gap
                    break
    return sorted([*cues, *transcript], key=lambda cue: cue.start_seconds)


def _pauses(
    start: int, stop: int, said: Sequence[tuple[int, int]], gap: int
) -> Iterator[tuple[int, int]]:
    """The stretches between `start` and `stop` in which nothing is said."""
    for begin, end in said:
        if start < min(begin - gap, stop):
            yield start, min(begin - gap, stop)
        start = max(start, end + gap)
    if start < stop:
        yield start, stop


def _items(analysis: Analysis, segment: Segment, described: str) -> list[_Item]:
    """What is to be said in a segment, in order; a sound at its beginning goes first."""
    begin = ceil(segment.start_seconds * _TICKS)
    items = [
        _Item(ceil(sound.start_seconds * _TICKS), _plain(f"[{sound.name}]"), True)
        for sound in analysis.sounds
        if segment.start_seconds <= sound.start_seconds < segment.end_seconds
    ]
    if segment.seen is not None and segment.seen.text != described:
        chunks = two_line_chunks(_plain(segment.seen.text))
        items += [_Item(begin, chunk, False) for chunk in chunks]
    soon = begin + _TICKS
    return sorted(items, key=lambda item: (item.start > soon, not item.is_sound, item.start))


def _cue(item: _Item, later: Sequence[_Item], start: int, stop: int, gap: int) -> Cue | None:
    """The item as far as it can be read; None where it cannot be shown at all."""
    needed = _ticks_to_read(item.text)
    reserved = sum(_TICKS + gap for other in later if not item.is_sound or other.is_sound)
    limit = stop - reserved
    if later and later[0].start - gap >= start + needed:
        limit = min(stop, later[0].start - gap)
    room = min(limit - start, round(LONGEST_CUE_SECONDS * _TICKS))
    if room < SHORTEST_CUE_SECONDS * _TICKS:
        return None
    text = shortened(item.text, room * MOST_CHARACTERS_PER_SECOND // _TICKS)
    if not text:
        return None
    unhurried = round(_UNHURRIED_SECONDS * _TICKS)
    if later and later[0].start < start + unhurried + gap:  # somebody waits
        unhurried = 0
    length = min(room, max(_ticks_to_read(text), unhurried))
    return Cue(start / _TICKS, (start + length) / _TICKS, text)


def _ticks_to_read(text: str) -> int:
    seconds = max(SHORTEST_CUE_SECONDS, len(text) / MOST_CHARACTERS_PER_SECOND)
    return ceil(seconds * _TICKS)


def without_markup(text: str) -> str:
    """The text with other signs for those that a subtitle format would take for markup."""
    return text.translate(_MARKUP)


def _plain(text: str) -> str:
    return " ".join(without_markup(text).split())
