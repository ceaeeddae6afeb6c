"""The bodies of answers, as OpenAI's clients read them."""

from typing import Any, Literal

from pydantic import BaseModel

FinishReason = Literal["stop", "length", "content_filter"]


class Usage(BaseModel):
    """Tokens that were read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Flag(BaseModel):
    """Something that the answer tells and the media do not bear out; see docs/safety.md."""

    kind: Literal["sound", "object"]
    name: str
    reason: str
    likelihood: float | None
    sentence: str


class AnswerMessage(BaseModel):
    """What the model says."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: FinishReason
    logprobs: None = None


class ChatCompletion(BaseModel):
    """A whole answer; `flags` stands in it only where the request said `check`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    flags: list[Flag] | None = None


class Model(BaseModel):
    """A model that can be named in requests."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "videollama"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


class Embedding(BaseModel):
    """One vector, as numbers or as base64 of little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens of the Q-Formers that were pooled."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """One vector per input, in their order."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


class StoredFile(BaseModel):
    """An upload."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"


class StoredFileList(BaseModel):
    """The uploads of one key, newest first."""

    object: Literal["list"] = "list"
    data: list[StoredFile]
    has_more: bool = False


class Deletion(BaseModel):
    """That an upload is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class Status(BaseModel):
    """What `/health` and `/ready` say."""

    status: str


class ErrorDetails(BaseModel):
    """What went wrong, and where in the request."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """What every status from 400 on comes with."""

    error: ErrorDetails


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides its result, for OpenAPI."""
    return {status: {"model": ErrorBody} for status in statuses}
