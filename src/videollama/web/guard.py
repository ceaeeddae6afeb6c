"""What of Gradio a visitor may reach: what this page uses, and nothing else.

Gradio answers to more than its pages need: it runs FFmpeg on recordings, passes requests on to
other servers, and fetches whatever address stands in place of a file.
"""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SHOWN = re.compile(
    r"/|/(config|theme\.css|robots\.txt|manifest\.json|favicon\.ico)/?|/(static|assets|svelte)/.+"
    r"|/gradio_api/(info|app_id|upload_progress|startup-events|queue/data|theme\.css)/?"
    r"|/gradio_api/heartbeat/.+|/gradio_api/file=(?!https?:).+"
)
_UPLOAD = "/gradio_api/upload"
# With and without the queue, and the pictures of a camera.
_EVENTS = re.compile(r"/gradio_api/(queue/join|run/predict|stream/\w+)")
_TAKEN = re.compile(
    "|".join([_UPLOAD, _EVENTS.pattern, r"/gradio_api/(reset|cancel|stream/\w+/close)"])
)
_ALLOWED = {"GET": _SHOWN, "HEAD": _SHOWN, "POST": _TAKEN}
_ADDRESS = re.compile(r"\s*https?:", re.IGNORECASE)
_MOST_JSON_BYTES = 2**20


class PageGuard:
    """A layer inside Gradio's application.

    Args:
        app: Gradio's routes.
        folder: Tells where uploads are kept.
        stored_bytes: All of them together; one more is refused.
    """

    def __init__(self, app: ASGIApp, folder: Callable[[], str], stored_bytes: int) -> None:
        self._app, self._folder, self._stored_bytes = app, folder, stored_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes what the page needs, and refuses the rest."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/")) or "/"
        allowed = _ALLOWED.get(scope["method"])
        if allowed is None or not allowed.fullmatch(path):
            await _refuse(404, "The page has nothing at this address.", scope, receive, send)
        elif path == _UPLOAD and await asyncio.to_thread(self._is_full, scope):
            reason = "There is no room for more files; try again later."
            await _refuse(413, reason, scope, receive, send)
        elif _EVENTS.fullmatch(path):
            await self._event(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _event(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An event of the page: small, and without addresses in place of files."""
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > _MOST_JSON_BYTES:
                await _refuse(413, "This is more than the page sends.", scope, receive, send)
                return
            if not message.get("more_body"):
                break
        try:
            names_address = _names_address(json.loads(body))
        except (ValueError, RecursionError):
            names_address = True
        if names_address:
            await _refuse(400, "Files are uploaded, not fetched.", scope, receive, send)
            return
        bodies = [body]

        async def receive_again() -> Message:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            return await receive()

        await self._app(scope, receive_again, send)

    def _is_full(self, scope: Scope) -> bool:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        coming = int(length) if length.isdigit() else 0
        return coming + bytes_in(Path(self._folder())) > self._stored_bytes


def bytes_in(folder: Path) -> int:
    """The size of all files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # it was deleted meanwhile
            continue
    return total


def _names_address(value: Any) -> bool:
    """Whether a file, a dictionary with a path, has an address in its place."""
    if isinstance(value, list):
        return any(_names_address(each) for each in value)
    if not isinstance(value, dict):
        return False
    path = value.get("path")
    if isinstance(path, str) and _ADDRESS.match(path):
        return True
    return any(_names_address(each) for each in value.values())


async def _refuse(status: int, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"detail": reason}, status)(scope, receive, send)
