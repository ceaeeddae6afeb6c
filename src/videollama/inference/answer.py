"""What a question returns: the text, and what it was based on."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from videollama.media.clip import Clip


@dataclass(frozen=True)
class Seen:
    """The frames of one file that the model looked at.

    Attributes:
        path: The file.
        kind: "video" or "image".
        times_seconds: When each frame is shown; one entry per frame.
        named_part_seconds: Start and end of the part that the question named; None where it named
            none, or an option said which part to look at.
    """

    path: str
    kind: str
    times_seconds: tuple[float, ...]
    named_part_seconds: tuple[float, float] | None = None

    @property
    def num_frames(self) -> int:
        """How many frames were looked at."""
        return len(self.times_seconds)


@dataclass(frozen=True)
class Heard:
    """The sound of one file, or why there was none.

    Attributes:
        path: The file.
        status: "present", "silent", "absent" (no audio track) or "undecodable".
        duration_seconds: Length of the sound that was listened to; 0 where there was none.
        named_part_seconds: As in `Seen`.
    """

    path: str
    status: str
    duration_seconds: float
    named_part_seconds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Timings:
    """Where the time went, in seconds.

    Attributes:
        read_seconds: Decoding the files.
        prepare_seconds: Resizing, filter banks, tokens.
        see_seconds: Frames to video tokens.
        hear_seconds: Segments to audio tokens.
        generate_seconds: The decoder.
        num_new_tokens: Tokens the decoder wrote.
    """

    read_seconds: float = 0.0
    prepare_seconds: float = 0.0
    see_seconds: float = 0.0
    hear_seconds: float = 0.0
    generate_seconds: float = 0.0
    num_new_tokens: int = 0

    @property
    def total_seconds(self) -> float:
        """All stages together."""
        return (
            self.read_seconds
            + self.prepare_seconds
            + self.see_seconds
            + self.hear_seconds
            + self.generate_seconds
        )

    @property
    def tokens_per_second(self) -> float:
        """Written tokens per second of the decoder's time, its reading of the prompt included."""
        return self.num_new_tokens / self.generate_seconds if self.generate_seconds else 0.0


_NO_SOUND = {
    "absent": "there is no audio track",
    "silent": "the audio track is silent",
    "undecodable": "the audio track could not be decoded",
    "not_requested": "the sound was left out",
}


@dataclass(frozen=True)
class Flag:
    """Something that an answer tells and its files do not bear out.

    Attributes:
        kind: "sound": a sound where none was heard. "object": a thing that the model itself finds
            unlikely when it is asked for it.
        name: The sound or the thing, for example "dog barking" or "a dog".
        reason: Of a sound, why none was heard: "absent", "silent", "undecodable" or
            "not_requested". Of a thing "unlikely".
        likelihood: Of a thing, how likely yes is rather than no, 0 to 1; None of a sound.
    """

    kind: Literal["sound", "object"]
    name: str
    reason: str
    likelihood: float | None = None

    @property
    def sentence(self) -> str:
        """The same for people."""
        if self.likelihood is None:
            return f"The answer names a sound ({self.name}), but {_NO_SOUND[self.reason]}."
        return (
            f"The answer names {self.name}; asked again, the model finds that unlikely "
            f"({100 * self.likelihood:.0f} %)."
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain strings and numbers, ready for JSON."""
        likelihood = None if self.likelihood is None else round(self.likelihood, 4)
        return {**asdict(self), "likelihood": likelihood, "sentence": self.sentence}


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        text: What the model says.
        seen: The frames it looked at, one entry per file with a picture.
        heard: The sound it listened to, one entry per file that is a video or a sound.
        timings: Where the time went.
        warnings: What was odd about the files ("the audio track could not be decoded").
        confidence: Geometric mean of the probabilities that the model gives to the answer's tokens,
            0 to 1; None where it was not asked for. A model can be sure and wrong.
        flags: What the files do not bear out; None where that was not checked.
    """

    text: str
    seen: tuple[Seen, ...] = ()
    heard: tuple[Heard, ...] = ()
    timings: Timings = field(default_factory=Timings)
    warnings: tuple[str, ...] = ()
    confidence: float | None = None
    flags: tuple[Flag, ...] | None = None

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists, strings and numbers, ready for JSON."""
        timings = {**asdict(self.timings), "total_seconds": self.timings.total_seconds}
        measured: dict[str, Any] = {}
        if self.confidence is not None:
            measured["confidence"] = round(self.confidence, 4)
        if self.flags is not None:
            measured["flags"] = [flag.to_dict() for flag in self.flags]
        return {
            "text": self.text,
            **measured,
            "seen": [{**asdict(each), "num_frames": each.num_frames} for each in self.seen],
            "heard": [asdict(each) for each in self.heard],
            "timings": {name: round(value, 4) for name, value in timings.items()},
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Captioned:
    """One line of `VideoLlama.caption`: a caption, or why there is none.

    Attributes:
        path: The file, as it was given.
        answer: The caption; `None` when the file could not be used.
        error: Why the file could not be used; `None` when it could.
    """

    path: str
    answer: Answer | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """One JSON line: `path` and `caption` with what it is based on, or `path` and `error`."""
        if self.answer is None:
            return {"path": self.path, "error": self.error}
        rest = self.answer.to_dict()
        return {"path": self.path, "caption": rest.pop("text"), **rest}


def what_was_seen(clips: "list[Clip]", *, part_named: bool = False) -> tuple[Seen, ...]:
    """One entry per clip that has frames; `part_named` tells that the question named the part."""
    return tuple(
        Seen(
            str(clip.path),
            clip.kind,
            tuple(float(time) for time in clip.frame_times_seconds),
            _part(clip) if part_named else None,
        )
        for clip in clips
        if clip.frames is not None
    )


def what_was_heard(clips: "list[Clip]", *, part_named: bool = False) -> tuple[Heard, ...]:
    """One entry per clip that could have sound; `part_named` as in `what_was_seen`."""
    return tuple(
        Heard(
            str(clip.path),
            clip.audio_status,
            _sound_seconds(clip),
            _part(clip) if part_named else None,
        )
        for clip in clips
        if clip.audio_status != "not_requested" and clip.kind != "image"
    )


def _part(clip: "Clip") -> tuple[float, float] | None:
    if clip.kind == "image":
        return None
    return clip.start_seconds, clip.start_seconds + clip.duration_seconds


def _sound_seconds(clip: "Clip") -> float:
    # A clip's waveform is at 16 kHz.
    return 0.0 if clip.waveform is None else clip.waveform.shape[-1] / 16_000
