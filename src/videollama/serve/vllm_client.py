"""vLLM's HTTP interface, as far as it is used here."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

from videollama.errors import BackendError, InputError

DEFAULT_URL = "http://127.0.0.1:8001"
KEY_VARIABLE = "VLLM_API_KEY"  # where vLLM itself looks for its key
_CONNECT_SECONDS = 5.0
_SHORT_ANSWER_SECONDS = 10.0
_SHOWN_CHARACTERS = 300
_FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


@dataclass(frozen=True)
class Served:
    """The decoder that a vLLM server holds.

    Attributes:
        name: What requests call it.
        max_model_len: Tokens of prompt and answer together.
    """

    name: str
    max_model_len: int


@dataclass(frozen=True)
class Written:
    """A step of an answer.

    Attributes:
        token_ids: The new tokens.
        finish_reason: Why it was the last step; `None` where it was not.
        log_probability: Of the first of these tokens, where the request wants `logprobs`.
    """

    token_ids: list[int]
    finish_reason: str | None
    log_probability: float | None


class VllmClient:
    """Talks to one server; every request has a connection of its own, and closing it ends it there.

    Args:
        url: Of the server, with or without /v1.
        key: What its --api-key says, if it has one.

    Raises:
        InputError: The address is none.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        if not _is_address(url):
            raise InputError(f"--vllm-url is {url!r}, but must look like {DEFAULT_URL}.")
        self.url = url.rstrip("/").removesuffix("/v1")
        self._headers = [("user-agent", "videollama"), ("content-type", "application/json")]
        if key:
            self._headers.append(("authorization", f"Bearer {key}"))

    async def served(self) -> Served:
        """What the server holds.

        Raises:
            BackendError: It cannot be reached, wants another key, or is no vLLM.
        """
        try:
            async with self._send("GET", "/v1/models", b"", _SHORT_ANSWER_SECONDS) as answer:
                return _served(await answer.aread())
        except BackendError as error:
            said = str(error).rstrip(".")
            raise BackendError(
                f"{said}; it was looked for at {self.url}, and --vllm-url names another place."
            ) from error

    async def check(self) -> None:
        """That the server can answer.

        Raises:
            BackendError: It cannot.
        """
        async with self._send("GET", "/health", b"", _SHORT_ANSWER_SECONDS):
            pass

    async def complete(self, body: dict[str, Any]) -> AsyncGenerator[Written]:
        """The steps of a completion; leaving them early makes the server forget the request.

        Args:
            body: Of /v1/completions, without what asks for a stream of token ids.

        Raises:
            BackendError: The server refuses the request, or breaks off.
        """
        content = json.dumps({**body, "stream": True, "return_token_ids": True}).encode()
        async with (
            self._send("POST", "/v1/completions", content, None) as answer,
            aclosing(_events(answer)) as events,
        ):
            async for event in events:
                if "error" in event:
                    raise BackendError(f"vLLM broke off: {_told(event)}")
                for choice in event.get("choices", ()):
                    yield _step(choice)

    @asynccontextmanager
    async def _send(
        self, method: str, path: str, content: bytes, read_seconds: float | None
    ) -> AsyncGenerator[httpcore.Response]:
        """The beginning of an answer with status 200."""
        timeout = {"connect": _CONNECT_SECONDS, "read": read_seconds}
        try:
            async with (
                httpcore.AsyncConnectionPool() as pool,
                pool.stream(
                    method,
                    self.url + path,
                    headers=list(self._headers),
                    content=content,
                    extensions={"timeout": timeout},
                ) as answer,
            ):
                if answer.status != 200:
                    raise _refusal(answer.status, await answer.aread())
                yield answer
        except _FAILURES as error:
            raise BackendError(f"vLLM does not answer ({type(error).__name__}).") from error


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port
        return False


async def _events(answer: httpcore.Response) -> AsyncGenerator[dict[str, Any]]:
    """The server-sent events up to [DONE].

    Raises:
        BackendError: There is no [DONE].
    """
    held = b""
    async for block in answer.aiter_stream():
        *lines, held = (held + block).split(b"\n")
        for line in lines:
            data = line.removeprefix(b"data:").strip()
            if data == b"[DONE]":
                return
            if data:
                yield json.loads(data)
    raise BackendError("vLLM broke off in the middle of an answer.")


def _served(body: bytes) -> Served:
    try:
        model = json.loads(body)["data"][0]
        return Served(str(model["id"]), int(model["max_model_len"]))
    except (ValueError, LookupError, TypeError):
        raise BackendError("What answers is no vLLM.") from None


def _step(choice: dict[str, Any]) -> Written:
    token_ids = choice.get("token_ids")
    if token_ids is None:
        raise BackendError("vLLM gives no token ids; it is too old, update it.")
    chances = (choice.get("logprobs") or {}).get("token_logprobs") or [None]
    return Written(token_ids, choice.get("finish_reason"), chances[0])


def _refusal(status: int, body: bytes) -> BackendError:
    if status == 401:
        return BackendError(f"vLLM wants its key; put it into ${KEY_VARIABLE}.")
    try:
        told = _told(json.loads(body))
    except ValueError:
        told = ""
    return BackendError(f"vLLM refuses with status {status}: {told or 'it does not say why.'}")


def _told(body: Any) -> str:
    """What an error in OpenAI's form says."""
    error = body.get("error") if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return str(message or "")[:_SHOWN_CHARACTERS]
