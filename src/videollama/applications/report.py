"""An analysis as text for people."""

from videollama.applications.analysis import Analysis, Segment
from videollama.media.clip import audio_fact
from videollama.media.clock import clock

NOTHING = "nothing to be seen or heard"


def headline(analysis: Analysis) -> str:
    """What is known of the file: "video, 0:10.0, 3 scenes, 1 sound, there is sound"."""
    parts = [analysis.kind]
    if analysis.duration_seconds:
        parts.append(clock(analysis.duration_seconds))
    if analysis.kind == "video":
        parts.append(_counted(analysis.num_scenes, "scene"))
    if analysis.sounds:
        parts.append(_counted(len(analysis.sounds), "sound"))
    else:
        parts.append(audio_fact(analysis.kind, analysis.audio_status))  # type: ignore[arg-type]
    return ", ".join(parts)


def as_lines(analysis: Analysis) -> list[str]:
    """The segments, then the sounds, then what was odd about the file."""
    lines = [f"{analysis.path}: {headline(analysis)}", ""]
    for segment in analysis.segments:
        lines += _segment_lines(segment)
    if analysis.sounds:
        lines += ["", "Sounds"]
    for sound in analysis.sounds:
        span = _span(sound.start_seconds, sound.end_seconds)
        lines.append(f"{span}  {sound.name} ({sound.confidence:.2f})")
    lines += [f"Note: {warning}" for warning in analysis.warnings]
    return lines


def _segment_lines(segment: Segment) -> list[str]:
    said = [
        f"{statement.text} ({statement.confidence:.2f})"
        for statement in (segment.seen, segment.heard)
        if statement is not None
    ]
    people = segment.people_count
    if people is not None:
        said.append(f"{people} {'person' if people == 1 else 'people'}")
    span = _span(segment.start_seconds, segment.end_seconds)
    scene = f"  scene {segment.scene:<3}" if segment.seen is not None else "  " + " " * 9
    first, *rest = said or [NOTHING]
    indent = " " * len(span + scene)
    return [f"{span}{scene}  {first}", *(f"{indent}  {each}" for each in rest)]


def _span(start_seconds: float, end_seconds: float) -> str:
    return f"{clock(start_seconds):>9} - {clock(end_seconds):<9}"


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
