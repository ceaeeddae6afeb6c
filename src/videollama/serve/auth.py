"""Who may ask: API keys, compared in constant time, and how often each may."""

import base64
import binascii
import hmac
import os
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from videollama.errors import InputError
from videollama.serve.api_errors import ApiError

KEYS_VARIABLE = "VIDEOLLAMA_API_KEYS"
SHORTEST_KEY = 16
REALM = "videollama; any name, and an API key as the password"
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?")
_MOST_CALLERS = 10_000  # remembered at once; the one that was quiet longest is forgotten


def read_keys(file: Path | None) -> tuple[str, ...]:
    """The keys from a file, one a line, or else from the environment, separated by commas.

    Raises:
        InputError: The file cannot be read or holds no key, or a key is easy to guess.
    """
    if file is None:
        lines = os.environ.get(KEYS_VARIABLE, "").split(",")
        place = f"${KEYS_VARIABLE}"
    else:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise InputError(f"The API keys in {file} cannot be read: {reason}.") from error
        place = str(file)
    keys = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if file is not None and not keys:
        raise InputError(f"{file} holds no API key; write one a line.")
    for number, key in enumerate(keys, start=1):
        if len(key) < SHORTEST_KEY:
            raise InputError(
                f"Key {number} of {place} has {len(key)} characters, but needs {SHORTEST_KEY}; "
                "make one with: openssl rand -hex 24"
            )
    return keys


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        owner: Fingerprint of the key, or "local" where there are no keys; safe to log.
        rate_key: What is counted: the key, or the address where there are no keys.
    """

    owner: str
    rate_key: str


class KeyCheck:
    """Knows the fingerprints of the keys, not the keys.

    Args:
        keys: All that are valid; none lets everybody in.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._digests = [sha256(key.encode()).digest() for key in keys]

    @property
    def wanted(self) -> bool:
        """Whether a key is needed."""
        return bool(self._digests)

    def caller(
        self, authorization: str | None, address: str, *, is_browser: bool = False
    ) -> Caller:
        """Who sends this header.

        Args:
            authorization: The header; `Bearer KEY`.
            address: Where the request comes from.
            is_browser: Take `Basic` with the key as the password instead, which browsers ask for.

        Raises:
            ApiError: 401, the key is missing or wrong.
        """
        if not self._digests:
            return Caller("local", address)
        scheme, _, key = (authorization or "").partition(" ")
        if is_browser:
            key = _password(key) if scheme.lower() == "basic" else ""
            if not key.strip():
                raise ApiError(401, "The page asks for an API key as the password.", realm=REALM)
        elif scheme.lower() != "bearer" or not key.strip():
            raise ApiError(401, "An API key is needed: send the header Authorization: Bearer KEY.")
        given = sha256(key.strip().encode("utf-8", "surrogateescape")).digest()
        # Every key is looked at, so that the time tells nothing.
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        if not any(matches):
            realm = REALM if is_browser else None
            raise ApiError(401, "The API key is not valid.", realm=realm)
        owner = f"key-{given.hex()[:12]}"
        return Caller(owner, owner)


def _password(credentials: str) -> str:
    """The password of a header `Basic`; empty where there is none."""
    try:
        pair = base64.b64decode(credentials, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]


@dataclass(frozen=True)
class Pages:
    """Which web pages may use the access that their visitor has to this server.

    Attributes:
        origins: Pages of other origins that may ask.
        host_names: What the header Host may say; anything if empty.
    """

    origins: tuple[str, ...] = ()
    host_names: tuple[str, ...] = ()

    def check(self, origin: str | None, host: str) -> None:
        """Lets programs and the server's own pages pass.

        Raises:
            ApiError: 403, a page of another origin, or one whose name was made to lead here.
        """
        name = urlsplit(f"//{host}").hostname if _HOST.fullmatch(host) else None
        if self.host_names and name not in self.host_names:
            raise ApiError(403, f"This server is asked as {' or '.join(self.host_names)} only.")
        if origin is None or origin in self.origins:
            return
        if origin.partition("://")[2] != host:
            raise ApiError(403, "Pages of other origins may not ask; see --allow-origin.")


class RateLimit:
    """A bucket of requests for every caller that fills up evenly over a minute.

    Args:
        requests_per_minute: How many each may send.
    """

    def __init__(self, requests_per_minute: int) -> None:
        self._most = float(requests_per_minute)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, rate_key: str) -> None:
        """Counts one request.

        Raises:
            ApiError: 429, with the time until the next one may come.
        """
        now = time.monotonic()
        left, since = self._buckets.pop(rate_key, (self._most, now))
        left = min(self._most, left + (now - since) * self._most / 60)
        if left < 1:
            self._buckets[rate_key] = (left, now)
            raise ApiError(
                429,
                f"More than {self._most:g} requests a minute; wait before the next one.",
                retry_after_seconds=(1 - left) * 60 / self._most,
            )
        self._buckets[rate_key] = (left - 1, now)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
