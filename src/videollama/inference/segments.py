"""A file of any length, segment by segment: each is described, and listened to.

overview -> split -> a few segments at a time: open, describe, listen -> UnderstoodSegment
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videollama.errors import InputError
from videollama.inference.sound_name import sound_name
from videollama.languages.catalogue import Wording, wording
from videollama.media.overview import Overview, read_pictures, read_sounds
from videollama.media.segmentation import Span, split

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama
    from videollama.media.clip import Clip

HEARING_QUESTION = "What do you hear?"
_MOST_NEW_TOKENS = 48  # one sentence, as in `caption`


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
class UnderstoodSegment:
    """A segment of a file, opened and asked about.

    Attributes:
        span: Where it lies.
        picture: Its frames, without sound; None where there are none.
        sound: What can be heard in it, without frames; None where nothing can.
        seen: Describes the picture; None where there is none.
        heard: Answers what is heard; None where nothing can be heard, or the model names nothing.
    """

    span: Span
    picture: "Clip | None"
    sound: "Clip | None"
    seen: Statement | None
    heard: Statement | None


def understand_segments(
    assistant: "VideoLlama",
    overview: Overview,
    *,
    num_frames: int = 8,
    batch_size: int = 4,
    language: str = "en",
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[UnderstoodSegment]:
    """Describes every segment of a file and names its sound, each with its own question.

    A file may have any length: a few segments at a time are opened and answered.

    Args:
        assistant: A loaded model.
        overview: What `look_over` told of the file.
        num_frames: Frames to look at in each segment.
        batch_size: Segments per pass of the decoder.
        language: Code of the language that is asked in.
        on_progress: Called with the segments that are done and all of them.

    Raises:
        InputError: A number makes no sense, or there is no such language.
        LanguageError: The model does not know the language.
    """
    words = wording(language)
    for name, value in (("num_frames", num_frames), ("batch_size", batch_size)):
        if value < 1:
            raise InputError(f"{name} is {value}, but must be 1 or more.")
    active = [] if overview.sound is None else overview.sound.active_spans()
    spans = split(overview.duration_seconds, _bounds(overview), active)
    sounding = [span.sound for span in spans if span.sound is not None]
    sounds = read_sounds(overview, sounding) if sounding else iter(())
    for first in range(0, len(spans), batch_size):
        if on_progress is not None:
            on_progress(first, len(spans))
        batch = spans[first : first + batch_size]
        heard = [None if span.sound is None else next(sounds) for span in batch]
        yield from _understood(assistant, overview, batch, heard, num_frames, words)
    if on_progress is not None:
        on_progress(len(spans), len(spans))


def _bounds(overview: Overview) -> list[float]:
    """The cuts, and the end of a picture that is shorter than its sound."""
    end = overview.picture_seconds
    ends = [end] if 0 < end < overview.duration_seconds else []
    return [*overview.cuts_seconds, *ends]


def _understood(
    assistant: "VideoLlama",
    overview: Overview,
    spans: Sequence[Span],
    sounds: "Sequence[Clip | None]",
    num_frames: int,
    words: Wording,
) -> Iterator[UnderstoodSegment]:
    from videollama.inference.engine import CAPTION_BEAMS, CAPTION_REQUEST

    size = assistant.processor.frame_size
    pictures = [read_pictures(overview, span.start, span.end, num_frames, size) for span in spans]
    seen = _asked(assistant, pictures, words.phrase(CAPTION_REQUEST), CAPTION_BEAMS)
    heard = _asked(assistant, sounds, words.phrase(HEARING_QUESTION), 1)
    for span, picture, sound, described, named in zip(
        spans, pictures, sounds, seen, heard, strict=True
    ):
        has_name = named is not None and sound_name(named.text) is not None
        yield UnderstoodSegment(span, picture, sound, described, named if has_name else None)


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
