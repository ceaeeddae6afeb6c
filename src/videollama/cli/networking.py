"""What the verbs that answer over a network need first: their packages, and a place to listen."""

import socket
from importlib.util import find_spec

from videollama.errors import InputError

_PACKAGES = {
    "serve": ("fastapi", "uvicorn", "python_multipart", "httpcore", "prometheus_client"),
    "web": ("gradio",),
    "search": ("lancedb", "pyarrow"),
    "batch": ("pyarrow", "fsspec"),
}


def require_packages(*extras: str) -> None:
    """Makes sure that the packages of these extras are there.

    Raises:
        InputError: One is missing; the sentence holds the line that installs them all.
    """
    missing = [
        package for extra in extras for package in _PACKAGES[extra] if find_spec(package) is None
    ]
    if missing:
        raise InputError(
            f"{missing[0]} is not installed, but needed here; run: "
            f'pip install "videollama[{",".join(extras)}]"'
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address; nobody else can take it any more.

    Args:
        host: Name or address of the network interface.
        port: 0 takes a free one.

    Raises:
        InputError: The address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family)
    except OSError as error:
        raise cannot_listen(host, port) from error
    try:
        # A server that has just ended leaves its port in a state that may be taken again.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise cannot_listen(host, port) from error
    return listener


def cannot_listen(host: str, port: int) -> InputError:
    """The error for an address that cannot be used."""
    return InputError(
        f"Nothing can listen on {host}, port {port}; another program may do so already: "
        "choose another --port or --host."
    )
