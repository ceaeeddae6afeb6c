"""Runs the server until it is told to stop; answers that have begun are finished first."""

import ipaddress

import uvicorn
from fastapi import FastAPI

from videollama.errors import InputError
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


def serve(host: ModelHost, limits: Limits, access: Access, address: str, port: int) -> None:
    """Answers at an address until SIGTERM or Ctrl-C; a second Ctrl-C does not wait.

    Args:
        host: The model; it is loaded while the server already answers `/health`.
        limits: What a request may take.
        access: Who may ask.
        address: Of the network interface.
        port: 0 takes a free one.

    Raises:
        VideoLlamaError: The model could not be loaded.
        InputError: The address cannot be used.
    """
    write_json_lines()

    def stop_when_failed(done: ModelHost) -> None:
        if done.failure is not None:
            server.should_exit = True

    app = build_app(host, limits, access, stop_when_failed)
    server = _server(app, limits, address, port)
    try:
        server.run()
    except SystemExit as error:  # uvicorn's way to say that it cannot listen
        raise InputError(
            f"{address}:{port} cannot be listened on; choose another --host or --port."
        ) from error
    if host.failure is not None:
        raise host.failure


def _server(app: FastAPI, limits: Limits, address: str, port: int) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=address,
            port=port,
            log_config=None,
            access_log=False,  # the gate writes a line for every request
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(limits.request_seconds) + 1,
            h11_max_incomplete_event_size=2**16,
        )
    )
