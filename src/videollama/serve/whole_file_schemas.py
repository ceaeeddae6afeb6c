"""The bodies of answers about whole files, and about the library."""

from typing import Literal

from pydantic import BaseModel


class Statement(BaseModel):
    """A sentence of the model, and how likely the model found it."""

    text: str
    confidence: float


class Segment(BaseModel):
    """A stretch of a file, and what is seen and heard in it."""

    start_seconds: float
    end_seconds: float
    scene: int
    seen: Statement | None
    heard: Statement | None
    action: str | None
    people_count: int | None


class Sound(BaseModel):
    """A sound that has a name."""

    start_seconds: float
    end_seconds: float
    name: str
    confidence: float


class AnalysisBody(BaseModel):
    """What is seen and heard in a file, and when."""

    object: Literal["analysis"] = "analysis"
    model: str
    path: str
    kind: Literal["video", "image", "audio"]
    duration_seconds: float
    frames_per_second: float | None
    audio_status: str
    num_scenes: int
    segments: list[Segment]
    sounds: list[Sound]
    warnings: list[str]
    total_seconds: float


class Fact(BaseModel):
    """Something that is seen or heard."""

    start_seconds: float
    end_seconds: float
    kind: Literal["seen", "heard"]
    text: str


class StoryBody(BaseModel):
    """A text about a file and the facts that it rests on; `refusal` says why there is none."""

    object: Literal["story"] = "story"
    model: str
    path: str
    style: str
    tone: str
    language: str
    text: str | None
    facts: list[Fact]
    written_by: Literal["decoder", "facts"]
    ungrounded: list[str]
    refusal: str | None


class Moment(BaseModel):
    """A segment of a video, and why it was taken or not."""

    start_seconds: float
    end_seconds: float
    score: float
    picture: float
    sound: float
    words: list[str]
    seen: str | None
    heard: str | None
    reason: str


class CutMoment(Moment):
    """A moment that was taken, to the frame."""

    cut_seconds: float
    frames: tuple[int, int]


class HighlightsBody(BaseModel):
    """The best moments of a video; the cut is among the caller's files."""

    object: Literal["highlights"] = "highlights"
    model: str
    path: str
    query: str
    seconds: float
    moments: list[CutMoment]
    segments: list[Moment]
    warnings: list[str]
    cut_seconds: float
    frames_are_copied: bool
    edit_list: str
    file_id: str


class Hit(BaseModel):
    """A moment of the library; `thumbnail` is a data: URL."""

    files: list[str]
    start_seconds: float
    end_seconds: float
    caption: str | None
    heard: str | None
    words: list[str]
    likelihood_gain: float | None
    picture_likeness: float | None
    sound_likeness: float | None
    reason: str
    thumbnail: str | None


class HitList(BaseModel):
    """What fits, best first."""

    object: Literal["list"] = "list"
    model: str
    data: list[Hit]
