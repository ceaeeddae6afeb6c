"""What is seen and heard in a file, and when.

file -> look_over -> understand_segments: split, open, describe, listen -> Analysis
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

from videollama.applications.wording import action, people_count
from videollama.inference.segments import Statement, UnderstoodSegment, understand_segments
from videollama.inference.sound_name import sound_name
from videollama.media.overview import Overview, look_over
from videollama.media.segmentation import Span
from videollama.media.thumbnails import thumbnail

if TYPE_CHECKING:
    from pathlib import Path

    from videollama.inference.engine import VideoLlama
    from videollama.media.sound_levels import SoundLevels

_SAME_SOUND_GAP_SECONDS = 1.0


@dataclass(frozen=True)
class Segment:
    """A stretch of a file, between two cuts or two edges of sound.

    Attributes:
        start_seconds: Where it begins, counted from the first frame.
        end_seconds: Where it ends; the same for a still.
        scene: Number of the scene it lies in, from 1.
        seen: Describes the picture; None where there is none.
        heard: Answers what is heard; None where nothing can be heard, or the model names nothing.
        action: What the description says is done, in its words; None where it does not.
        people_count: How many people the description speaks of; None where it does not say.
        thumbnail: A JPEG file of the frame in the middle; None without a picture.
    """

    start_seconds: float
    end_seconds: float
    scene: int
    seen: Statement | None = None
    heard: Statement | None = None
    action: str | None = None
    people_count: int | None = None
    thumbnail: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class SoundEvent:
    """A sound that has a name, over all neighbouring segments in which it is heard.

    Attributes:
        start_seconds: Where it begins.
        end_seconds: Where it ends.
        name: As the model names it, "dog barking".
        confidence: As in `Statement`; of several answers, their geometric mean.
    """

    start_seconds: float
    end_seconds: float
    name: str
    confidence: float


@dataclass(frozen=True)
class Analysis:
    """What is seen and heard in a file.

    Attributes:
        path: The file.
        kind: "video", "image" or "audio".
        duration_seconds: Its length; 0 for a still.
        frames_per_second: Mean rate; None without a picture.
        audio_status: "present", "silent", "absent" or "undecodable".
        segments: In order, without gaps.
        sounds: In order.
        warnings: What was odd about the file.
        total_seconds: How long it took.
        levels: How loud each moment is; None without sound.
    """

    path: str
    kind: str
    duration_seconds: float
    frames_per_second: float | None
    audio_status: str
    segments: tuple[Segment, ...]
    sounds: tuple[SoundEvent, ...]
    warnings: tuple[str, ...] = ()
    total_seconds: float = 0.0
    levels: "SoundLevels | None" = field(default=None, repr=False, compare=False)

    @property
    def num_scenes(self) -> int:
        """How many scenes the picture has; 0 without one."""
        return 0 if self.kind == "audio" else self.segments[-1].scene

    @property
    def said(self) -> str:
        """All that the model says in it, a line each; what guards read."""
        statements = [each for segment in self.segments for each in (segment.seen, segment.heard)]
        return "\n".join(dict.fromkeys(each.text for each in statements if each is not None))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists, strings and numbers, ready for JSON; without pictures."""
        facts: dict[str, Any] = {
            "path": self.path,
            "kind": self.kind,
            "duration_seconds": self.duration_seconds,
            "frames_per_second": self.frames_per_second,
            "audio_status": self.audio_status,
            "num_scenes": self.num_scenes,
            "segments": [asdict(segment) for segment in self.segments],
            "sounds": [asdict(sound) for sound in self.sounds],
            "warnings": list(self.warnings),
            "total_seconds": self.total_seconds,
        }
        for segment in facts["segments"]:
            del segment["thumbnail"]
        return _rounded(facts)


def analyze(
    assistant: "VideoLlama",
    file: "str | Path | Overview",
    *,
    num_frames: int = 8,
    batch_size: int = 4,
    language: str = "en",
    on_progress: Callable[[int, int], None] | None = None,
    on_segment: Callable[[UnderstoodSegment], None] | None = None,
) -> Analysis:
    """Describes every scene of a file, names its sounds, and says when.

    A file may have any length: a few segments at a time are opened and answered.

    Args:
        assistant: A loaded model.
        file: A video, picture or sound file, or what `look_over` told of one.
        num_frames: Frames to look at in each segment.
        batch_size: Segments per pass of the decoder.
        language: Code of the language that the model is asked in, and answers in.
        on_progress: Called with the segments that are done and all of them.
        on_segment: Called with each segment as it was opened, for those who want to know more.

    Raises:
        MediaError: Nothing in the file can be seen or heard.
        InputError: A number makes no sense, or there is no such language.
        LanguageError: The model does not know the language.
    """
    started = perf_counter()
    overview = file if isinstance(file, Overview) else look_over(file)
    spans: list[Span] = []
    segments: list[Segment] = []
    for understood in understand_segments(
        assistant,
        overview,
        num_frames=num_frames,
        batch_size=batch_size,
        language=language,
        on_progress=on_progress,
    ):
        spans.append(understood.span)
        segments.append(_segment(understood, overview))
        if on_segment is not None:
            on_segment(understood)
    return Analysis(
        path=str(overview.path),
        kind=overview.kind,
        duration_seconds=overview.duration_seconds,
        frames_per_second=overview.frames_per_second,
        audio_status=overview.audio_status,
        segments=tuple(segments),
        sounds=_events(spans, segments),
        warnings=overview.warnings,
        total_seconds=perf_counter() - started,
        levels=overview.sound,
    )


def _segment(understood: UnderstoodSegment, overview: Overview) -> Segment:
    span, seen = understood.span, understood.seen
    return Segment(
        start_seconds=span.start,
        end_seconds=span.end,
        scene=span.scene,
        seen=seen,
        heard=understood.heard,
        action=action(seen.text) if seen else None,
        people_count=people_count(seen.text) if seen else None,
        thumbnail=thumbnail(understood.picture, overview.frame_size),
    )


def _events(spans: Sequence[Span], segments: Sequence[Segment]) -> tuple[SoundEvent, ...]:
    """The sounds that have a name; one that goes on in the next segment is one."""
    events: list[tuple[SoundEvent, list[float]]] = []
    for span, segment in zip(spans, segments, strict=True):
        name = None if segment.heard is None else sound_name(segment.heard.text)
        if name is None or span.sound is None or segment.heard is None:
            continue
        start, end = span.sound
        confidences = [segment.heard.confidence]
        if events:
            last, before = events[-1]
            gap = start - last.end_seconds
            if last.name.lower() == name.lower() and gap <= _SAME_SOUND_GAP_SECONDS:
                events.pop()
                start, confidences = last.start_seconds, [*before, *confidences]
        mean = prod(confidences) ** (1 / len(confidences))
        events.append((SoundEvent(start, end, name, mean), confidences))
    return tuple(event for event, _ in events)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
