"""A library for the visitors of the page."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama
    from videollama.search.query import Hit
    from videollama.web.backend import Search


def library_search(assistant: "Callable[[], VideoLlama]", folder: Path | None) -> "Search | None":
    """What searches a library, one visitor at a time; None where there is none.

    Args:
        assistant: Gives the model that the library was made with.
        folder: Where its database is.
    """
    if folder is None:
        return None
    from videollama.search.media_library import MediaLibrary

    place, libraries, one_at_a_time = folder, list[MediaLibrary](), Lock()

    def search(query: str) -> "list[Hit]":
        with one_at_a_time:
            if not libraries:
                libraries.append(MediaLibrary(assistant(), place))
            return libraries[0].search(query)

    return search


def require_library(folder: Path | None) -> None:
    """Refuses one that is missing or of another version, before the model is loaded.

    Raises:
        InputError: Says which.
    """
    if folder is not None:
        from videollama.search.segment_store import SegmentStore

        SegmentStore(folder)
