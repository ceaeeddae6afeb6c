"""An analysis as one HTML page that needs no other file and no script."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np

from videollama.applications.analysis import Analysis, Segment, SoundEvent
from videollama.applications.report import NOTHING, headline, noted, scene_label
from videollama.checkpoints.atomic_output import new_file
from videollama.inference.segments import Statement
from videollama.languages.catalogue import Wording, wording
from videollama.media.clock import clock
from videollama.media.html_page import document, picture, text

_WAVE_COLUMNS = 600
_QUIET_PEAK = 0.05  # softer sound is not drawn larger than this
_OF_NUMBERS = (
    "Numbers from 0 to 1 say how likely the model found its own sentence; it can be sure and wrong."
)
_LEAST_WIDTH_PERCENT = 0.15  # what is shorter could not be hit with a finger

_STYLE = """
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.timeline { margin: 1.25rem 0 0 }
.row { position: relative; height: 2.75rem; margin: 0 0 2px; background: var(--soft);
  border-radius: 4px; overflow: hidden }
.row > a { position: absolute; top: 0; bottom: 0; overflow: hidden; padding: 0 .3rem;
  border-left: 2px solid var(--paper); background: var(--other); color: var(--ink);
  font-size: .75rem; line-height: 2.75rem; white-space: nowrap; text-overflow: ellipsis;
  text-decoration: none }
.row > a.odd { background: var(--scene) }
.row.sounds, .row.sounds > a { height: 1.75rem; line-height: 1.75rem }
.row.sounds > a { background: var(--sound); color: var(--sound-ink) }
.row > a:hover, .row > a:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px }
svg { display: block; width: 100%; height: 4rem; background: var(--soft); border-radius: 4px;
  fill: var(--accent) }
.scale { display: flex; justify-content: space-between }
article:target, li:target { background: var(--soft); box-shadow: 0 0 0 .5rem var(--soft) }
ol { list-style: none; padding: 0; margin: 0 }
li { padding: .35rem 0; border-top: 1px solid var(--line) }
@media (max-width: 38rem) { .row > a { padding: 0 .15rem } }
"""


def write_page(path: Path, analysis: Analysis, words: Wording | None = None) -> None:
    """Writes the page; an old one is replaced.

    Args:
        path: Where the page shall be.
        analysis: What it shows.
        words: Of the language of its labels; English if absent.

    Raises:
        OutputError: The page cannot be written.
    """
    with new_file(path) as draft:
        draft.write_text(page(analysis, words), encoding="utf-8", errors="replace")


def page(analysis: Analysis, words: Wording | None = None) -> str:
    """The page: a timeline with segments, sounds and waveform, then each in words."""
    words = words or wording("en")
    name = Path(analysis.path).name
    parts = [
        f'<h1>{text(name)}</h1><p class="faint">{escape(headline(analysis, words))}</p>',
        *(f"<p>{escape(note)}</p>" for note in noted(analysis, words)),
        _timeline(analysis, words) if analysis.duration_seconds else "",
        f"<h2>{words.phrase('Segments')}</h2>",
        *(_article(number, each, words) for number, each in enumerate(analysis.segments, start=1)),
        _sounds(analysis, words),
        f'<p class="faint">{words.phrase(_OF_NUMBERS)}</p>',
    ]
    return document(name, "".join(parts), style=_STYLE, language=words.code)


def _timeline(analysis: Analysis, words: Wording) -> str:
    total = analysis.duration_seconds
    titles = [escape(_title(each, words)) for each in analysis.segments]
    segments = "".join(
        f'<a class="{"odd" if each.scene % 2 else "even"}" href="#segment-{number}" '
        f'{_place(each, total)} title="{title}">{title}</a>'
        for number, (each, title) in enumerate(zip(analysis.segments, titles, strict=True), start=1)
    )
    sounds = "".join(
        f'<a href="#sound-{number}" {_place(each, total)} title="{escape(each.name)}">'
        f"{escape(each.name)}</a>"
        for number, each in enumerate(analysis.sounds, start=1)
    )
    row = f'<div class="row sounds">{sounds}</div>' if sounds else ""
    marks = "".join(f"<time>{clock(total * share)}</time>" for share in (0, 0.5, 1))
    return (
        f'<nav class="timeline" aria-label="{words.phrase("Timeline")}">'
        f'<div class="row">{segments}</div>{row}'
        f'{_waveform(analysis, words)}<div class="scale">{marks}</div></nav>'
    )


def _place(part: Segment | SoundEvent, total_seconds: float) -> str:
    left = 100 * part.start_seconds / total_seconds
    width = 100 * (part.end_seconds - part.start_seconds) / total_seconds
    return f'style="left:{left:.3f}%;width:{max(width, _LEAST_WIDTH_PERCENT):.3f}%"'


def _title(segment: Segment, words: Wording) -> str:
    said = [each.text for each in (segment.seen, segment.heard) if each is not None]
    return " ".join(said) or words.phrase(NOTHING)


def _waveform(analysis: Analysis, words: Wording) -> str:
    """The loudest sample per column, mirrored; one polygon."""
    if analysis.levels is None or not len(analysis.levels.peaks):
        return ""
    peaks = analysis.levels.peaks
    edges = np.linspace(0, len(peaks), min(_WAVE_COLUMNS, len(peaks)) + 1).astype(int)
    highest = np.maximum.reduceat(peaks, edges[:-1])
    heights = 48 * highest / max(float(peaks.max()), _QUIET_PEAK)
    upper = [f"{column},{50 - height:.1f}" for column, height in enumerate(heights)]
    lower = [f"{column},{50 + height:.1f}" for column, height in enumerate(heights)]
    seconds = len(peaks) * 0.1
    width = (
        (len(heights) - 1 or 1)
        * analysis.duration_seconds
        / min(seconds, analysis.duration_seconds)
    )
    return (
        f'<svg viewBox="0 0 {width:.2f} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{words.phrase("Waveform")}">'
        f'<polygon points="{" ".join(upper + lower[::-1])}"/></svg>'
    )


def _article(number: int, segment: Segment, words: Wording) -> str:
    label = "" if segment.seen is None else f" · {scene_label(segment, words)}"
    return (
        f'<article id="segment-{number}">'
        f"{picture(segment.thumbnail, segment.seen.text if segment.seen else '')}<div>"
        f"<p><time>{clock(segment.start_seconds)} - {clock(segment.end_seconds)}</time>"
        f"{label}</p>"
        f"{''.join(_facts(segment, words)) or f'<p>{words.phrase(NOTHING)}</p>'}</div></article>"
    )


def _facts(segment: Segment, words: Wording) -> Iterator[str]:
    if segment.seen is not None:
        yield f'<p class="seen">{_said(segment.seen)}</p>'
    if segment.heard is not None:
        yield f"<p>{_said(segment.heard)}</p>"
    if segment.action is not None:
        action = words.phrase("Action: {what}").format(what=segment.action)
        yield f'<p class="faint">{escape(action)}</p>'
    if segment.people_count is not None:
        people = words.phrase("People: {count}").format(count=segment.people_count)
        yield f'<p class="faint">{people}</p>'


def _said(statement: Statement) -> str:
    return f'{escape(statement.text)} <span class="sure">{statement.confidence:.2f}</span>'


def _sounds(analysis: Analysis, words: Wording) -> str:
    if not analysis.sounds:
        return ""
    rows = "".join(
        f'<li id="sound-{number}"><time>{clock(each.start_seconds)} - {clock(each.end_seconds)}'
        f'</time> {escape(each.name)} <span class="sure">{each.confidence:.2f}</span></li>'
        for number, each in enumerate(analysis.sounds, start=1)
    )
    return f"<h2>{words.phrase('Sounds')}</h2><ol>{rows}</ol>"
