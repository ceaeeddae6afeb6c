"""The bodies of requests, as OpenAI's clients send them; what would be ignored is refused."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from videollama.applications.story import Style, Tone
from videollama.media.frame_sampling import FrameSampling

_Zero = Annotated[float, Field(ge=0, le=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Moments(_Strict):
    """Which moments of a video to look at; the keywords of `VideoLlama.ask`."""

    num_frames: Annotated[int, Field(ge=1)] | None = None
    frames_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    start_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    end_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    sampling: Literal["uniform", "scenes"] = "uniform"


class TextPart(_Strict):
    """Words."""

    type: Literal["text"]
    text: str


class ImageUrl(_Strict):
    """A picture: a data: URL, or an http(s) address where the server allows them."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(_Strict):
    """A picture in a message."""

    type: Literal["image_url"]
    image_url: ImageUrl


class VideoUrl(Moments):
    """A video: a data: URL, or an http(s) address where the server allows them."""

    url: str


class VideoPart(_Strict):
    """A video in a message, seen and heard."""

    type: Literal["video_url"]
    video_url: VideoUrl


class InputAudio(_Strict):
    """A sound file in base64."""

    data: str
    format: Literal["wav", "mp3", "flac", "ogg", "opus", "m4a", "aac"]


class AudioPart(_Strict):
    """A sound in a message."""

    type: Literal["input_audio"]
    input_audio: InputAudio


class FileReference(Moments):
    """What `/v1/files` gave as `id`."""

    file_id: str


class FilePart(_Strict):
    """An uploaded video, picture or sound in a message."""

    type: Literal["file"]
    file: FileReference


MediaPart = ImagePart | VideoPart | AudioPart | FilePart
ContentPart = Annotated[TextPart | MediaPart, Field(discriminator="type")]


class UserMessage(_Strict):
    """What the person says and shows."""

    role: Literal["user"]
    content: str | list[ContentPart]
    name: str | None = None


class InstructionMessage(_Strict):
    """How the model shall behave."""

    role: Literal["system", "developer"]
    content: str | list[TextPart]
    name: str | None = None


class AssistantMessage(_Strict):
    """What the model said; the fields of others' answers that are empty here are taken too."""

    role: Literal["assistant"]
    content: str | list[TextPart]
    name: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    audio: None = None
    annotations: None = None


ChatMessage = Annotated[
    UserMessage | InstructionMessage | AssistantMessage, Field(discriminator="role")
]


class StreamOptions(_Strict):
    """What a stream holds besides the text."""

    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class TextFormat(_Strict):
    """The only form of answers."""

    type: Literal["text"]


class ChatCompletionRequest(_Strict):
    """A conversation whose next answer is wanted."""

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    stop: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[Annotated[str, Field(min_length=1)]], Field(max_length=4)]
        | None
    ) = None
    n: Literal[1] | None = None
    frequency_penalty: _Zero | None = None
    presence_penalty: _Zero | None = None
    logprobs: Literal[False] | None = None
    response_format: TextFormat | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: Literal[False] | None = None
    check: bool = False  # not OpenAI's: flag what the media do not bear out

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        if self.messages[-1].role != "user":
            raise ValueError("the last of the messages must be the user's")
        return self

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Texts before which the answer ends."""
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


Embeddable = Annotated[MediaPart, Field(discriminator="type")]


class EmbeddingRequest(_Strict):
    """Media whose vectors are wanted: data: URLs or addresses as strings, or content parts."""

    model: str
    input: str | Annotated[list[str | Embeddable], Field(min_length=1)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: None = None
    user: str | None = None


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class AnalysisRequest(_Strict):
    """A whole file, to be told scene by scene."""

    model: str
    input: Embeddable
    num_frames: Annotated[int, Field(ge=1)] = FrameSampling.num_frames  # of each segment
    language: str = "en"
    response_format: Literal["json", "html", "vtt", "srt", "ass"] = "json"


class StoryRequest(_Strict):
    """A whole file, to be written about."""

    model: str
    input: Embeddable
    style: Style = "story"
    tone: Tone = "neutral"
    num_frames: Annotated[int, Field(ge=1)] = FrameSampling.num_frames
    language: str = "en"


class HighlightRequest(_Strict):
    """A video whose best moments are wanted."""

    model: str
    input: Embeddable
    query: str
    seconds: Seconds = 30.0
    num_frames: Annotated[int, Field(ge=1)] = FrameSampling.num_frames
    container: Literal["mp4", "mkv"] = "mp4"


class SearchRequest(_Strict):
    """What is to be found in the server's library; a sentence, a medium, or both."""

    model: str
    query: str | None = None
    input: Embeddable | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10
