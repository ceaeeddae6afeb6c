"""Where one segment of a file ends and the next begins."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import NamedTuple

SHORTEST_SEGMENT_SECONDS = 2.0  # one segment of the audio encoder, and time to read a subtitle
LONGEST_SEGMENT_SECONDS = 16.0  # the sound that the built-in model hears without leaving gaps
_SHORTEST_SOUND_SECONDS = 0.2


class Span(NamedTuple):
    """A segment before anything is known of it.

    Attributes:
        start: In seconds.
        end: In seconds.
        scene: Number of the scene it lies in, from 1.
        sound: Start and end of what can be heard in it; None where nothing can.
    """

    start: float
    end: float
    scene: int
    sound: tuple[float, float] | None


def split(
    duration_seconds: float,
    cuts_seconds: Sequence[float],
    active_spans: Sequence[tuple[float, float]],
) -> list[Span]:
    """Splits a file where scenes end, and where sound begins and ends.

    Segments of less than 2 s are joined with a neighbour, those of more than 16 s are divided
    evenly. Where a cut and the edge of a sound are close together, the cut stays.

    Args:
        duration_seconds: Length of the file.
        cuts_seconds: Where scenes begin, but for the first; sorted.
        active_spans: Where something can be heard; sorted, apart from each other.

    Returns:
        Segments that cover the file without gaps; one of no length for a still.
    """
    scenes = [0.0, *_kept(cuts_seconds, [], duration_seconds)]
    edges = [edge for span in active_spans for edge in span]
    bounds = [0.0, *_kept(scenes[1:], edges, duration_seconds), duration_seconds]
    spans: list[Span] = []
    scene = sound = 0
    for begin, end in pairwise(bounds):
        parts = max(1, ceil((end - begin) / LONGEST_SEGMENT_SECONDS - 1e-9))
        inner = [begin + (end - begin) * part / parts for part in range(1, parts)]
        for start, stop in pairwise([begin, *inner, end]):
            while scene + 1 < len(scenes) and scenes[scene + 1] <= start:
                scene += 1
            while sound < len(active_spans) and active_spans[sound][1] <= start:
                sound += 1
            spans.append(Span(start, stop, scene + 1, _heard(active_spans, sound, start, stop)))
    return spans


def _kept(cuts: Sequence[float], edges: Sequence[float], duration: float) -> list[float]:
    """The bounds inside a file that leave no segment too short."""
    kept: list[tuple[float, bool]] = [(0.0, True)]
    candidates = sorted([*((cut, True) for cut in cuts), *((edge, False) for edge in edges)])
    for time, is_cut in candidates:
        if duration - time < SHORTEST_SEGMENT_SECONDS:
            continue
        if time - kept[-1][0] >= SHORTEST_SEGMENT_SECONDS:
            kept.append((time, is_cut))
        elif is_cut and not kept[-1][1]:
            kept.pop()
            if time - kept[-1][0] >= SHORTEST_SEGMENT_SECONDS:
                kept.append((time, True))
    return [time for time, _ in kept[1:]]


def _heard(
    active_spans: Sequence[tuple[float, float]], first: int, start: float, stop: float
) -> tuple[float, float] | None:
    """From the first to the last sound inside a segment, if that is long enough to name it."""
    inside = []
    for begin, end in active_spans[first:]:
        if begin >= stop:
            break
        inside.append((max(begin, start), min(end, stop)))
    if not inside or sum(end - begin for begin, end in inside) < _SHORTEST_SOUND_SECONDS:
        return None
    return inside[0][0], inside[-1][1]
