"""Runs the server until it is told to stop; answers that have begun are finished first."""

import ipaddress
import socket

import uvicorn
from fastapi import FastAPI

from videollama.serve.app import Access, build_app
from videollama.serve.limits import Limits
from videollama.serve.model_host import ModelHost
from videollama.serve.request_log import write_json_lines

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server at that address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def serve(host: ModelHost, limits: Limits, access: Access, listener: socket.socket) -> None:
    """Answers at a socket until SIGTERM or Ctrl-C; a second Ctrl-C does not wait.

    Args:
        host: The model; it is loaded while the server already answers `/health`.
        limits: What a request may take.
        access: Who may ask.
        listener: Bound to an address; it is closed at the end.

    Raises:
        VideoLlamaError: The model could not be loaded.
    """
    write_json_lines()

    def stop_when_failed(done: ModelHost) -> None:
        if done.failure is not None:
            server.should_exit = True

    app = build_app(host, limits, access, stop_when_failed)
    server = _server(app, limits)
    server.run(sockets=[listener])
    if host.failure is not None:
        raise host.failure


def _server(app: FastAPI, limits: Limits) -> uvicorn.Server:
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
