"""Runs the server until it is told to stop; answers that have begun are finished first."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from videollama.serve.app import Access, AddPage, build_app
from videollama.serve.gate import PAGE_PATH
from videollama.serve.limits import Limits
from videollama.serve.model_host import ModelHost
from videollama.serve.request_log import LOGGER_NAME, json_lines

_HEARTBEAT_PATH = f"{PAGE_PATH}/gradio_api/heartbeat/"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server at that address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def serve(
    host: ModelHost,
    limits: Limits,
    access: Access,
    listener: socket.socket,
    add_page: AddPage | None = None,
) -> None:
    """Answers at a socket until SIGTERM or Ctrl-C; a second Ctrl-C does not wait.

    Args:
        host: The model; it is loaded while the server already answers `/health`.
        limits: What a request may take.
        access: Who may ask.
        listener: Bound to an address; it is closed at the end.
        add_page: As for `build_app`.

    Raises:
        VideoLlamaError: The model could not be loaded.
    """

    def go_on_or_stop(done: ModelHost) -> None:
        if done.failure is not None:
            server.should_exit = True
        else:
            logging.getLogger(LOGGER_NAME).info("The model is loaded; questions are answered.")

    with json_lines():
        app = build_app(host, limits, access, go_on_or_stop, add_page)
        server = _server(_EndingHeartbeats(app, lambda: server.should_exit), limits)
        server.run(sockets=[listener])
    if host.failure is not None:
        raise host.failure


class _EndingHeartbeats:
    """Lets go of the pages that are open when the server ends, which would hold it up for long.

    Each holds a connection that says whether its visitor is still there.
    """

    def __init__(self, app: ASGIApp, is_ending: Callable[[], bool]) -> None:
        self._app, self._is_ending = app, is_ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_HEARTBEAT_PATH):
            await self._app(scope, receive, send)
            return

        async def receive_while_running() -> Message:
            while not self._is_ending():
                try:
                    async with asyncio.timeout(0.5):
                        return await receive()
                except TimeoutError:
                    continue
            return {"type": "http.disconnect"}

        await self._app(scope, receive_while_running, send)


def _server(app: ASGIApp, limits: Limits) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # the gate writes a line for every request
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(limits.request_seconds) + 1,
            h11_max_incomplete_event_size=2**16,
        )
    )
