"""What fetches the links that visitors of the page paste."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import from_thread

from videollama.errors import InputError
from videollama.serve.address_fetch import fetch
from videollama.serve.api_errors import ApiError
from videollama.serve.limits import Limits

if TYPE_CHECKING:
    from videollama.web.backend import Fetch


def link_fetcher(limits: Limits) -> "Fetch":
    """Fetches public http(s) addresses; is called in threads that an event loop started.

    Args:
        limits: Bytes and seconds.
    """

    def fetched(address: str, target: Path) -> None:
        try:
            from_thread.run(partial(fetch, address, "link", target, limits))
        except ApiError as error:
            raise InputError(error.message) from error

    return fetched
