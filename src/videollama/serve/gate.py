"""What every request passes before a route sees it: id, origin, key, rate, a place, a bounded body.

It wraps the whole application, so that it also sees the end of every answer: the log, the metrics
and the place that is free again.
"""

import asyncio
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from videollama.serve.api_errors import CLIENT_CLOSED_REQUEST, ApiError, told_error
from videollama.serve.auth import Caller, KeyCheck, Pages, RateLimit
from videollama.serve.limits import Limits
from videollama.serve.metrics import Metrics
from videollama.serve.request_log import log_request

OPEN_PATHS = ("/health", "/ready", "/openapi.json")
JSON_PATHS = (
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/analyses",
    "/v1/stories",
    "/v1/highlights",
    "/v1/search",
)
UPLOAD_PATH = "/v1/files"
PAGE_PATH = "/web"  # what `serve --web` shows in a browser
PAGE_UPLOAD_PATH = f"{PAGE_PATH}/gradio_api/upload"
PAGE_CAMERA_PATH = f"{PAGE_PATH}/gradio_api/stream/"  # a picture every second, of one question
_ENVELOPE_BYTES = 2**16  # what a form adds to the file in it
_CLIENTS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass
class Visit:
    """One request on its way; routes find it as `request.state.visit`.

    Attributes:
        request_id: Stands in the answer's `x-request-id` and in the log.
        caller: Who asks.
        started: When it came, by `time.perf_counter`.
        status: Of the answer.
        facts: What a route adds to the log line: tokens, number of media.
    """

    request_id: str
    caller: Caller = field(default_factory=lambda: Caller("nobody", "nobody"))
    started: float = field(default_factory=time.perf_counter)
    status: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class Gate:
    """The outermost layer of the server.

    Args:
        app: All routes.
        keys: Who may ask.
        limits: Of the server.
        metrics: Counts what passes.
        pages: Which web pages may ask.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyCheck,
        limits: Limits,
        metrics: Metrics,
        pages: Pages,
    ) -> None:
        self._app, self._keys, self._limits, self._metrics = app, keys, limits, metrics
        self._pages = pages
        self._rate = RateLimit(limits.requests_per_minute)
        self._admitted = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request; the application's beginning and end pass, nothing else."""
        if scope["type"] == "websocket":
            return  # there are none here, so they pass no check either
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        wish = headers.get("x-request-id", "")
        own_id = wish if _CLIENTS_ID.fullmatch(wish) else f"req-{secrets.token_hex(12)}"
        visit = Visit(own_id)
        scope.setdefault("state", {})["visit"] = visit

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", visit.request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            try:
                async with asyncio.timeout(self._limits.body_seconds):
                    await send(message)
            except TimeoutError as error:
                raise ApiError(CLIENT_CLOSED_REQUEST, "The client takes nothing.") from error

        try:
            await self._pass(scope, headers, receive, send_marked, visit)
        except Exception as error:
            known = told_error(error, visit.request_id)
            if visit.status is None:
                answer = JSONResponse(known.body(), known.status_code, headers=known.headers)
                await answer(scope, receive, send_marked)
        finally:
            self._account(scope, visit)

    async def _pass(
        self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send, visit: Visit
    ) -> None:
        path, method = scope["path"], scope["method"]
        bounded = _BoundedBody(receive, self._limits, _most_bytes(path, self._limits))
        try:
            self._pages.check(headers.get("origin"), headers.get("host", ""))
            if path not in OPEN_PATHS and method != "OPTIONS":
                address = (scope.get("client") or ("unknown", 0))[0]
                is_page = path == PAGE_PATH or path.startswith(f"{PAGE_PATH}/")
                visit.caller = self._keys.caller(
                    headers.get("authorization"), address, is_browser=is_page
                )
            if method != "POST" or not path.startswith(("/v1/", f"{PAGE_PATH}/")):
                await self._app(scope, bounded, send)
                return
            if not path.startswith(PAGE_CAMERA_PATH):
                self._rate.take(visit.caller.rate_key)
            self._check_body(headers, path, bounded.most_bytes)
            places = self._limits.running_requests + self._limits.waiting_requests
            if self._admitted >= places:
                raise ApiError(
                    429,
                    f"{self._admitted} requests are being answered or wait; try again in a moment.",
                    code="queue_full",
                    retry_after_seconds=5,
                )
        except ApiError:
            await bounded.discard()  # a client that is still sending would not read the answer
            raise
        self._admitted += 1
        try:
            with self._metrics.admitted.track_inprogress():
                await self._app(scope, bounded, send)
        finally:
            self._admitted -= 1

    def _check_body(self, headers: dict[str, str], path: str, most_bytes: int) -> None:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > most_bytes:
            raise _too_large(most_bytes)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        wanted = "application/json" if path in JSON_PATHS else None
        if path in (UPLOAD_PATH, PAGE_UPLOAD_PATH):
            wanted = "multipart/form-data"
        if wanted is not None and kind != wanted:
            raise ApiError(415, f"The body must be {wanted}; set the header Content-Type.")

    def _account(self, scope: Scope, visit: Visit) -> None:
        seconds = time.perf_counter() - visit.started
        route = getattr(scope.get("route"), "path", "other")
        status = visit.status or CLIENT_CLOSED_REQUEST
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        log_request(
            {
                "request_id": visit.request_id,
                "caller": visit.caller.owner,
                "method": scope["method"],
                "route": route,
                "status": status,
                "seconds": round(seconds, 4),
                **visit.facts,
            }
        )


class _BoundedBody:
    """Passes a body on, until it is too large or too slow."""

    def __init__(self, receive: Receive, limits: Limits, most_bytes: int) -> None:
        self._receive, self._limits = receive, limits
        self.most_bytes = most_bytes
        self._size = 0
        self._complete = False
        self._deadline = time.monotonic() + limits.body_seconds

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        message = await self._next()
        self._size += len(message.get("body", b""))
        if self._size > self.most_bytes:
            await self.discard()
            raise _too_large(self.most_bytes)
        return message

    async def discard(self) -> None:
        """Reads the rest without keeping it, as long as a body may take to arrive."""
        try:
            while not self._complete:
                await self._next()
        except ApiError:
            return

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError as error:
            raise ApiError(
                408, f"The body took more than {self._limits.body_seconds:g} s to arrive."
            ) from error
        self._complete = message["type"] == "http.disconnect" or not message.get("more_body")
        return message


def _most_bytes(path: str, limits: Limits) -> int:
    is_upload = path in (UPLOAD_PATH, PAGE_UPLOAD_PATH)
    return limits.upload_bytes + _ENVELOPE_BYTES if is_upload else limits.body_bytes


def _too_large(most_bytes: int) -> ApiError:
    return ApiError(
        413,
        f"The body has more than {most_bytes} bytes; send a smaller one, or upload files to "
        "/v1/files and name them.",
    )
