"""An answer on its way from the scheduler to the client: whole, or as server-sent events."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread

from videollama.inference.scheduling import Ticket
from videollama.serve.answer_schemas import (
    AnswerMessage,
    ChatCompletion,
    Choice,
    FinishReason,
    Flag,
    Usage,
)
from videollama.serve.api_errors import told_error
from videollama.serve.gate import Visit
from videollama.serve.metrics import Metrics
from videollama.serve.request_schemas import ChatCompletionRequest
from videollama.serve.stop_strings import StopStrings
from videollama.serve.waiting import Patience, pieces_of


@dataclass(frozen=True)
class Ending:
    """How an answer ended.

    Attributes:
        reason: As OpenAI's clients read it.
        usage: Its tokens.
        flags: What the media do not bear out; None where that was not checked.
    """

    reason: FinishReason
    usage: Usage
    flags: list[Flag] | None


@dataclass
class RunningAnswer:
    """One answer on its way to the client.

    Attributes:
        ticket: From the scheduler; given up when the pieces are not read to their end.
        body: What was asked.
        visit: The request; gets the facts for its log line.
        patience: How long it may take.
        metrics: Counts tokens.
        threads: Those that wait for the scheduler.
    """

    ticket: Ticket
    body: ChatCompletionRequest
    visit: Visit
    patience: Patience
    metrics: Metrics
    threads: CapacityLimiter

    def __post_init__(self) -> None:
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.created = int(time.time())
        self._stops = StopStrings(self.body.stop_strings)
        self._pieces = pieces_of(self.ticket, self.threads)
        self._first: str | None = None

    async def begin(self) -> None:
        """Waits for the first piece, so that what is wrong with the request gets a status."""
        try:
            self._first = await self._next()
        except BaseException:
            await self._pieces.aclose()
            raise
        seconds = time.perf_counter() - self.visit.started
        self.metrics.first_token_seconds.observe(seconds)
        self.visit.facts["first_token_seconds"] = round(seconds, 4)

    async def _next(self) -> str | None:
        try:
            async with asyncio.timeout(self.patience.left_seconds):
                return await anext(self._pieces, None)
        except TimeoutError as error:
            raise self.patience.exhausted() from error

    async def pieces(self) -> AsyncGenerator[str]:
        """What can be shown, up to the first stop string."""
        try:
            if self._first is None:
                return
            piece: str | None = self._first
            while piece is not None and not self._stops.found:
                if shown := self._stops.add(piece):
                    yield shown
                piece = None if self._stops.found else await self._next()
            if rest := self._stops.rest():
                yield rest
        finally:
            await self._pieces.aclose()

    async def end(self) -> "Ending":
        """How the answer ended, once it has."""
        finished = await to_thread.run_sync(
            self.ticket.result, limiter=self.threads, abandon_on_cancel=True
        )
        usage = Usage(
            prompt_tokens=finished.num_prompt_tokens,
            completion_tokens=finished.num_new_tokens,
            total_tokens=finished.num_prompt_tokens + finished.num_new_tokens,
        )
        self.metrics.tokens.labels("prompt").inc(usage.prompt_tokens)
        self.metrics.tokens.labels("completion").inc(usage.completion_tokens)
        self.visit.facts |= {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
        }
        reason: FinishReason = "stop"
        if finished.finish_reason == "refused":
            reason = "content_filter"
        elif finished.finish_reason == "length" and not self._stops.found:
            reason = "length"
        flags = finished.flags
        return Ending(
            reason=reason,
            usage=usage,
            flags=None if flags is None else [Flag(**flag.to_dict()) for flag in flags],
        )

    async def whole(self) -> ChatCompletion:
        """The answer in one piece."""
        async with aclosing(self.pieces()) as pieces:
            text = "".join([piece async for piece in pieces])
        ending = await self.end()
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.body.model,
            choices=[
                Choice(message=AnswerMessage(content=text.strip()), finish_reason=ending.reason)
            ],
            usage=ending.usage,
            flags=ending.flags,
        )

    def chunk(self, delta: dict[str, str], ending: "Ending | None" = None) -> dict[str, Any]:
        """One event of a stream; the last one with a choice says how the answer ended."""
        reason = None if ending is None else ending.reason
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        event = self._event([choice], None)
        if ending is not None and ending.flags is not None:
            event["flags"] = [flag.model_dump() for flag in ending.flags]
        return event

    def usage_chunk(self, usage: Usage) -> dict[str, Any]:
        """The last event of a stream that wants usage."""
        return self._event([], usage.model_dump())

    def _event(self, choices: list[dict[str, Any]], usage: dict[str, int] | None) -> dict[str, Any]:
        event: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.body.model,
            "choices": choices,
        }
        options = self.body.stream_options
        if options is not None and options.include_usage:
            event["usage"] = usage
        return event


async def events_of(answer: RunningAnswer) -> AsyncGenerator[str]:
    """Server-sent events; what goes wrong after the first is the last one."""
    try:
        async with aclosing(_chunks(answer)) as chunks:
            async for chunk in chunks:
                yield chunk
    except Exception as error:
        yield _line(told_error(error, answer.visit.request_id).body())
    finally:
        answer.ticket.cancel()


async def _chunks(answer: RunningAnswer) -> AsyncGenerator[str]:
    yield _line(answer.chunk({"role": "assistant", "content": ""}))
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            yield _line(answer.chunk({"content": piece}))
    ending = await answer.end()
    yield _line(answer.chunk({}, ending))
    options = answer.body.stream_options
    if options is not None and options.include_usage:
        yield _line(answer.usage_chunk(ending.usage))
    yield "data: [DONE]\n\n"


def _line(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
