"""Media from http(s) addresses, and never from an address inside somebody's network.

The name is resolved once, every address it has must be public, and the connection goes to the
address that was checked; a redirect is a new address like any other.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from videollama.serve.api_errors import ApiError
from videollama.serve.limits import Limits

MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = IPv6Network("64:ff9b::/96")
_LONGEST_ADDRESS = 4096


def is_public(address: str) -> bool:
    """Whether an IP address is on the internet, and not this machine or in a network near it."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not (
        ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local
    )


class RefusedAddressError(Exception):
    """A name leads to an address that is not public, or nowhere."""


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolves, checks every address, and connects to the first."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise RefusedAddressError("its host is not known") from error
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(is_public(address) for address in addresses):
            raise RefusedAddressError("its host is not on the public internet")
        return await self._inner.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        """As the interface wants it."""
        await asyncio.sleep(seconds)


async def fetch(url: str, where: str, target: Path, limits: Limits) -> None:
    """Fetches an address into a file.

    Args:
        url: http or https.
        where: The place in the request, for errors.
        target: The file to write.
        limits: Bytes and seconds.

    Raises:
        ApiError: 400 for an address that is refused or gives nothing, 408 or 413 beyond a limit.
    """
    try:
        async with asyncio.timeout(limits.fetch_seconds):
            for _ in range(1 + MOST_REDIRECTS):
                following = await _get(_checked(url, where), where, target, limits)
                if following is None:
                    return
                url = urljoin(url, following)
    except TimeoutError as error:
        raise ApiError(
            408, f"{where}: the address took more than {limits.fetch_seconds:g} s.", param=where
        ) from error
    raise _refused(where, f"it leads on more than {MOST_REDIRECTS} times")


def _checked(url: str, where: str) -> str:
    """The address without its fragment, if it is one that may be asked for."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _refused(where, "it is not well formed") from None
    if parts.scheme not in ("http", "https"):
        raise _refused(where, "only http and https are fetched")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise _refused(where, "it needs a host, and no user name or password")
    if len(url) > _LONGEST_ADDRESS or not url.isascii() or any(each <= " " for each in url):
        raise _refused(where, "it is too long, or holds characters that must be escaped")
    return parts._replace(fragment="").geturl()


async def _get(url: str, where: str, target: Path, limits: Limits) -> str | None:
    """Writes the file, or gives where the address leads on."""
    try:
        async with (
            httpcore.AsyncConnectionPool(network_backend=PublicNetwork()) as pool,
            pool.stream(
                "GET", url, headers={"accept": "*/*", "user-agent": "videollama"}
            ) as answer,
        ):
            headers = {name.lower(): value for name, value in answer.headers}
            if answer.status in _REDIRECTS and b"location" in headers:
                return headers[b"location"].decode("latin-1")
            if answer.status != 200:
                raise _refused(where, f"it answers with status {answer.status}")
            await _write(answer, where, target, limits)
    except RefusedAddressError as error:
        raise _refused(where, str(error)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        raise _refused(where, "it could not be fetched") from error
    return None


async def _write(answer: httpcore.Response, where: str, target: Path, limits: Limits) -> None:
    size = 0
    with target.open("wb") as file:
        async for block in answer.aiter_stream():
            size += len(block)
            if size > limits.upload_bytes:
                raise ApiError(
                    413,
                    f"{where}: the address holds more than {limits.upload_bytes} bytes.",
                    param=where,
                )
            file.write(block)


def _refused(where: str, reason: str) -> ApiError:
    return ApiError(
        400, f"{where}: the address was not fetched: {reason}.", param=where, code="refused_url"
    )
