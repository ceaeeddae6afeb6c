"""Waiting for an answer as long as somebody is there to read it, and not for ever."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from videollama.inference.scheduling import Ticket
from videollama.serve.api_errors import CLIENT_CLOSED_REQUEST, ApiError
from videollama.serve.gate import Visit

T = TypeVar("T")
_END = object()


class GivenUpError(Exception):
    """Nobody waits for the result any more; ends work that runs in a thread."""


class Patience:
    """The time that one request has.

    Args:
        visit: The request; its time counts from its first byte.
        seconds: How long.
    """

    def __init__(self, visit: Visit, seconds: float) -> None:
        self.seconds, self._end = seconds, visit.started + seconds

    @property
    def left_seconds(self) -> float:
        """What is left; 0 when it is over."""
        return max(0.0, self._end - time.perf_counter())

    def exhausted(self) -> ApiError:
        """The error to raise when it is over."""
        return ApiError(
            408,
            f"The answer took more than {self.seconds:g} s; ask for fewer tokens or frames.",
        )


async def while_wanted(work: Coroutine[Any, Any, T], request: Request, patience: Patience) -> T:
    """The result of `work`, which is cancelled when the client leaves or the time is over.

    Raises:
        ApiError: 408, or 499 where nobody will read it.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        done, _ = await asyncio.wait(
            {task, gone}, timeout=patience.left_seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for each in (task, gone):
            if not each.done():
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each
    if task in done:
        return task.result()
    if gone in done:
        raise ApiError(CLIENT_CLOSED_REQUEST, "The client left.")
    raise patience.exhausted()


async def to_the_end(
    work: Coroutine[Any, Any, T], when_given_up: Callable[[], None] = lambda: None
) -> T:
    """Work in a thread that is waited for even by a request that has run out of time.

    A thread cannot be stopped, and must not use a file that is being removed.

    Args:
        work: Runs in a thread.
        when_given_up: Called when nobody wants the result any more.
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        when_given_up()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # it was seen; nobody is left to be told
        raise


async def pieces_of(ticket: Ticket, threads: CapacityLimiter) -> AsyncGenerator[str]:
    """The pieces of an answer as they are written; the ticket is given up with the iterator.

    Args:
        ticket: From the scheduler.
        threads: How many answers may be waited for at the same time.
    """
    pieces = iter(ticket)
    try:
        while True:
            piece = await to_thread.run_sync(
                next, pieces, _END, limiter=threads, abandon_on_cancel=True
            )
            if piece is _END:
                return
            yield str(piece)
    finally:
        ticket.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
