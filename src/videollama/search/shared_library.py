"""A library that several callers search."""

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from videollama.search.media_library import MediaLibrary

if TYPE_CHECKING:
    from collections.abc import Callable

    from videollama.inference.engine import VideoLlama
    from videollama.inference.messages import Medium
    from videollama.search.query import Hit


class SharedLibrary:
    """Opens a library with the first search, and lets one caller search at a time.

    Args:
        assistant: Gives the model that the library was made with.
        folder: Where its database is.
    """

    def __init__(self, assistant: "Callable[[], VideoLlama]", folder: Path) -> None:
        self._assistant, self._folder = assistant, folder
        self._library: MediaLibrary | None = None
        self._one_at_a_time = Lock()

    def search(
        self, query: str | None = None, *, like: "Medium | None" = None, limit: int = 10
    ) -> "list[Hit]":
        """As `MediaLibrary.search`."""
        with self._one_at_a_time:
            if self._library is None:
                self._library = MediaLibrary(self._assistant(), self._folder)
            return self._library.search(query, like=like, limit=limit)
