"""What is seen and heard in a file, and when.

file -> look_over -> split -> a few segments at a time: open, describe, listen -> Analysis
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

from videollama.applications.segmentation import Span, split
from videollama.applications.thumbnails import thumbnail
from videollama.applications.wording import action, people_count, sound_name
from videollama.errors import InputError
from videollama.media.overview import Overview, look_over, read_pictures, read_sounds

if TYPE_CHECKING:
    from pathlib import Path

    from videollama.inference.engine import VideoLlama
    from videollama.media.clip import Clip
    from videollama.media.sound_levels import SoundLevels

HEARING_QUESTION = "What do you hear?"
_MOST_NEW_TOKENS = 48  # one sentence, as in `caption`
_SAME_SOUND_GAP_SECONDS = 1.0


@dataclass(frozen=True)
class Statement:
    """A sentence of the model.

    Attributes:
        text: The sentence.
        confidence: Geometric mean of the probabilities that the model gives to its tokens, 0 to 1.
            It is no chance of being right: a model can be sure and wrong.
    """

    text: str
    confidence: float


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
    on_progress: Callable[[int, int], None] | None = None,
    on_clips: "Callable[[Sequence[Clip | None], Sequence[Clip | None]], None] | None" = None,
) -> Analysis:
    """Describes every scene of a file, names its sounds, and says when.

    A file may have any length: a few segments at a time are opened and answered.

    Args:
        assistant: A loaded model.
        file: A video, picture or sound file, or what `look_over` told of one.
        num_frames: Frames to look at in each segment.
        batch_size: Segments per pass of the decoder.
        on_progress: Called with the segments that are done and all of them.
        on_clips: Called with the pictures and the sounds of the next segments, for those who want
            to know more of them; None stands where there are none.

    Raises:
        MediaError: Nothing in the file can be seen or heard.
        InputError: A number makes no sense.
    """
    for name, value in (("num_frames", num_frames), ("batch_size", batch_size)):
        if value < 1:
            raise InputError(f"{name} is {value}, but must be 1 or more.")
    started = perf_counter()
    overview = file if isinstance(file, Overview) else look_over(file)
    active = [] if overview.sound is None else overview.sound.active_spans()
    spans = split(overview.duration_seconds, _bounds(overview), active)
    sounding = [span.sound for span in spans if span.sound is not None]
    sounds = read_sounds(overview, sounding) if sounding else iter(())
    segments: list[Segment] = []
    for first in range(0, len(spans), batch_size):
        if on_progress is not None:
            on_progress(first, len(spans))
        batch = spans[first : first + batch_size]
        heard = [None if span.sound is None else next(sounds) for span in batch]
        seen = [_pictures_of(assistant, overview, span, num_frames) for span in batch]
        segments += _understood(assistant, overview, batch, seen, heard)
        if on_clips is not None:
            on_clips(seen, heard)
    if on_progress is not None:
        on_progress(len(spans), len(spans))
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


def _bounds(overview: Overview) -> list[float]:
    """The cuts, and the end of a picture that is shorter than its sound."""
    end = overview.picture_seconds
    ends = [end] if 0 < end < overview.duration_seconds else []
    return [*overview.cuts_seconds, *ends]


def _pictures_of(
    assistant: "VideoLlama", overview: Overview, span: Span, num_frames: int
) -> "Clip | None":
    size = assistant.processor.frame_size
    return read_pictures(overview, span.start, span.end, num_frames, size)


def _understood(
    assistant: "VideoLlama",
    overview: Overview,
    spans: Sequence[Span],
    pictures: "Sequence[Clip | None]",
    sounds: "Sequence[Clip | None]",
) -> list[Segment]:
    """What is seen and heard in a few segments, each with its own question."""
    from videollama.inference.engine import CAPTION_BEAMS, CAPTION_REQUEST

    seen = _asked(assistant, pictures, CAPTION_REQUEST, CAPTION_BEAMS)
    heard = _asked(assistant, sounds, HEARING_QUESTION, 1)
    return [
        Segment(
            start_seconds=span.start,
            end_seconds=span.end,
            scene=span.scene,
            seen=described,
            heard=named if named and sound_name(named.text) else None,
            action=action(described.text) if described else None,
            people_count=people_count(described.text) if described else None,
            thumbnail=_thumbnail(picture, overview),
        )
        for span, picture, described, named in zip(spans, pictures, seen, heard, strict=True)
    ]


def _asked(
    assistant: "VideoLlama", clips: "Sequence[Clip | None]", question: str, num_beams: int
) -> list[Statement | None]:
    """The answers about the clips that there are, in one batch.

    Sounds are named greedily, as `ask` does: the likeliest whole sentence is often one about the
    missing picture.
    """
    shown = [clip for clip in clips if clip is not None]
    answers = assistant.caption(
        shown,
        batch_size=len(clips),
        question=question,
        with_confidence=True,
        max_new_tokens=_MOST_NEW_TOKENS,
        num_beams=num_beams,
    )
    statements = (
        Statement(each.answer.text, each.answer.confidence or 0.0)
        for each in answers
        if each.answer is not None
    )
    return [None if clip is None else next(statements) for clip in clips]


def _thumbnail(picture: "Clip | None", overview: Overview) -> bytes | None:
    if picture is None or picture.frames is None or overview.frame_size is None:
        return None
    return thumbnail(picture.frames, overview.frame_size)


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
