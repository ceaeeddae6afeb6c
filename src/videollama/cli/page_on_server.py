"""`serve --web`: the page inside the server, with its model, its queue and its limits."""

import os
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import gradio as gr
from anyio import from_thread
from fastapi import FastAPI

from videollama.cli.page_links import link_fetcher
from videollama.errors import BusyError, InputError, MediaError, VideoLlamaError
from videollama.inference.scheduling import Request, Ticket
from videollama.media.clip import Clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.overview import Overview
from videollama.serve.api_errors import ApiError
from videollama.serve.app import Access
from videollama.serve.cutting import cut_elsewhere
from videollama.serve.decoding import DecodePool, DecodingError
from videollama.serve.gate import PAGE_PATH
from videollama.serve.limits import Limits
from videollama.serve.model_host import ModelHost
from videollama.serve.whole_files import writing_assistant
from videollama.web.backend import Backend, PageLimits
from videollama.web.page import build_page, page_look

if TYPE_CHECKING:
    from videollama.applications.highlights import Highlights
    from videollama.inference.engine import VideoLlama
    from videollama.search.query import Hit
    from videollama.search.shared_library import SharedLibrary

T = TypeVar("T")
_CALLER = "page"  # in the audit log


def mount_page(
    app: FastAPI,
    host: ModelHost,
    pool: DecodePool,
    library: "SharedLibrary | None",
    limits: Limits,
    access: Access,
) -> None:
    """Puts the page at `/web`.

    Args:
        app: The server, before its gate is closed around it.
        host: The model, which may still be loading.
        pool: Opens what visitors upload.
        library: What visitors may search.
        limits: Of the server.
        access: Where uploads are kept, and whether links are opened.
    """
    folder = (access.files_folder / "page").resolve()
    _remove_older(folder, limits.stored_hours * 3600)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    backend = served_backend(host, pool, limits, access, library)
    look = page_look(backend.limits)
    gr.mount_gradio_app(
        app, build_page(backend), path=PAGE_PATH, show_error=False, ssr_mode=False, **look
    )


class ServedFiles:
    """Goes through whole files, which are opened in the processes of the server.

    Its methods are called in threads that were started from the server's event loop.

    Args:
        host: The model.
        pool: Looks files over.
        limits: Of the server.
    """

    def __init__(self, host: ModelHost, pool: DecodePool, limits: Limits) -> None:
        self._host, self._pool, self._limits = host, pool, limits
        self._one_at_a_time = Lock()

    def look_over(self, file: Path) -> Overview:
        """As `DecodePool.look_over`."""
        _require_loaded(self._host)
        try:
            return from_thread.run(self._pool.look_over, file)
        except DecodingError as error:
            raise _told(error, file) from error
        except ApiError as error:  # no process could be started
            raise BusyError(error.message) from error

    def go_through(
        self,
        question: str | None,
        work: "Callable[[VideoLlama], T]",
        words_of: Callable[[T], str],
    ) -> T:
        """Waits until nobody else of the page does."""
        assistant = _writing(self._host)
        with self._one_at_a_time:
            return _answered(self._host, question, lambda: work(assistant), words_of)

    def cut(self, file: Path, highlights: "Highlights", target: Path) -> None:
        """As `cut_elsewhere`."""
        from_thread.run(cut_elsewhere, file, highlights, target, self._limits)


def served_backend(
    host: ModelHost,
    pool: DecodePool,
    limits: Limits,
    access: Access,
    library: "SharedLibrary | None" = None,
) -> Backend:
    """Opens files in the processes of the server, and asks its model.

    Its functions are called in threads that were started from the server's event loop.
    """

    def decode(
        file: Path, sampling: FrameSampling, want_audio: bool, frame_size: tuple[int, int] | None
    ) -> Clip:
        work = partial(pool.decode, file, sampling, frame_size, want_audio=want_audio)
        try:
            return from_thread.run(work)
        except DecodingError as error:
            raise _told(error, file) from error
        except ApiError as error:  # no process could be started
            raise BusyError(error.message) from error

    def preview(file: Path, sampling: FrameSampling, want_audio: bool) -> Clip:
        return decode(file, sampling, want_audio, None)

    def read(file: Path, sampling: FrameSampling, want_audio: bool) -> Clip:
        _require_loaded(host)
        return decode(file, sampling, want_audio, host.loaded().processor.frame_size)

    def submit(request: Request) -> Ticket:
        _require_loaded(host)
        return host.submit(request, request_id=_request_id(), caller=_CALLER)

    usual = PageLimits()
    page_limits = PageLimits(
        upload_bytes=limits.upload_bytes,
        stored_bytes=limits.stored_bytes,
        num_frames=min(usual.num_frames, limits.media_frames),
        max_new_tokens=min(usual.max_new_tokens, limits.new_tokens),
        answers=limits.running_requests,
        waiting=max(1, limits.waiting_requests),
        answer_seconds=limits.request_seconds,
    )
    whole = ServedFiles(host, pool, limits)

    def search(query: str) -> "list[Hit]":
        from videollama.search.query import said_in  # needs more packages

        assert library is not None
        _writing(host)
        return _answered(host, query, partial(library.search, query), said_in, media=0)

    fetch = link_fetcher(limits) if access.allow_addresses else None
    found = None if library is None else search
    return Backend(read, preview, submit, whole, found, fetch, page_limits)


def _remove_older(folder: Path, seconds: float) -> None:
    """Removes uploads of a server that was killed before it could."""
    for path in folder.rglob("*"):
        if path.is_file() and time.time() - path.stat().st_mtime > seconds:
            path.unlink(missing_ok=True)


def _answered(
    host: ModelHost,
    question: str | None,
    work: Callable[[], T],
    words_of: Callable[[T], str],
    *,
    media: int = 1,
) -> T:
    """As `ModelHost.answer`, for a visitor."""
    return host.answer(
        question, work, words_of, request_id=_request_id(), caller=_CALLER, media=media
    )


def _request_id() -> str:
    return f"page-{secrets.token_hex(12)}"


def _writing(host: ModelHost) -> "VideoLlama":
    """The model, which must write by itself."""
    _require_loaded(host)
    try:
        return writing_assistant(host, host.name)
    except ApiError as error:
        raise InputError(error.message) from error


def _require_loaded(host: ModelHost) -> None:
    if not host.ready:
        raise BusyError("The model is being loaded; ask again in a moment.")


def _told(error: DecodingError, file: Path) -> VideoLlamaError:
    """The error that the page shows."""
    if error.status == 400:
        return InputError(error.message)
    named = error.message.startswith(str(file))
    return MediaError(error.message if named else f"{file}: {error.message}")
