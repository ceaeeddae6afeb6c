"""An analysis as text for people."""

from unicodedata import east_asian_width

from videollama.applications.analysis import Analysis, Segment
from videollama.languages.catalogue import Wording, wording
from videollama.media.clip import audio_fact
from videollama.media.clock import clock

_LABEL_COLUMNS = 9
NOTHING = "nothing to be seen or heard"


def headline(analysis: Analysis, words: Wording) -> str:
    """What is known of the file: "video, 0:10.0, 3 scenes, 1 sound, there is sound"."""
    parts = [words.phrase(analysis.kind)]
    if analysis.duration_seconds:
        parts.append(clock(analysis.duration_seconds))
    if analysis.kind == "video":
        parts.append(_counted(analysis.num_scenes, "scene", words))
    if analysis.sounds:
        parts.append(_counted(len(analysis.sounds), "sound", words))
    else:
        fact = audio_fact(analysis.kind, analysis.audio_status)  # type: ignore[arg-type]
        parts.append(words.phrase(fact))
    return ", ".join(parts)


def as_lines(analysis: Analysis, words: Wording | None = None) -> list[str]:
    """The segments, then the sounds, then what was odd about the file.

    Args:
        analysis: What is told.
        words: Of the language that it is told in; English if absent.
    """
    words = words or wording("en")
    lines = [f"{analysis.path}: {headline(analysis, words)}", ""]
    for segment in analysis.segments:
        lines += _segment_lines(segment, words)
    if analysis.sounds:
        lines += ["", words.phrase("Sounds")]
    for sound in analysis.sounds:
        span = _span(sound.start_seconds, sound.end_seconds)
        lines.append(f"{span}  {sound.name} ({sound.confidence:.2f})")
    return lines + noted(analysis, words)


def noted(analysis: Analysis, words: Wording) -> list[str]:
    """What was odd about the file."""
    note = words.phrase("Note: {warning}")
    return [note.format(warning=words.sentence(each)) for each in analysis.warnings]


def scene_label(segment: Segment, words: Wording) -> str:
    """The number of its scene in words: "scene 3"."""
    return words.phrase("scene {number}").format(number=segment.scene)


def _segment_lines(segment: Segment, words: Wording) -> list[str]:
    said = [
        f"{statement.text} ({statement.confidence:.2f})"
        for statement in (segment.seen, segment.heard)
        if statement is not None
    ]
    people = segment.people_count
    if people is not None:
        template = "{count} person" if people == 1 else "{count} people"
        said.append(words.phrase(template).format(count=people))
    span = _span(segment.start_seconds, segment.end_seconds)
    label = scene_label(segment, words) if segment.seen is not None else ""
    first, *rest = said or [words.phrase(NOTHING)]
    scene = f"  {label}{' ' * (_LABEL_COLUMNS - _columns(label))}"
    indent = " " * (len(span) + 2 + _LABEL_COLUMNS)
    return [f"{span}{scene}  {first}", *(f"{indent}  {each}" for each in rest)]


def _columns(label: str) -> int:
    """How wide a terminal shows a text; a Chinese character takes two columns."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in label)


def _span(start_seconds: float, end_seconds: float) -> str:
    return f"{clock(start_seconds):>9} - {clock(end_seconds):<9}"


def _counted(number: int, noun: str, words: Wording) -> str:
    template = f"{{count}} {noun}" if number == 1 else f"{{count}} {noun}s"
    return words.phrase(template).format(count=number)
