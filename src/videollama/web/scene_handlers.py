"""What the fields for whole files and for a library do; errors become sentences beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from videollama.applications.page import page
from videollama.applications.story import Style, Tone
from videollama.errors import InputError
from videollama.languages.catalogue import wordings
from videollama.web.backend import Backend
from videollama.web.scene_rendering import cut_of, framed, hits_of, story_of
from videollama.web.scenes import OnProgress, Scenes
from videollama.web.session import Session
from videollama.web.troubles import trouble_of

Updates = list[Any]
_PROGRESS = gr.Progress()  # what Gradio puts a visitor's own in place of


class SceneHandlers:
    """Every method takes a visitor's state and what the fields hold, and gives their updates.

    Args:
        backend: Goes through files.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def go(
        self, session: Session, scenes: Scenes, language: str, progress: Any = _PROGRESS
    ) -> Updates:
        """Goes through the visitor's file; gives the trouble, the page and the downloads."""
        words = wordings()[language]

        def work() -> Updates:
            file = _file_of(session)
            analysis = scenes.analysis(self._backend, file, language, _shown(progress))
            files = _offered(scenes.downloads(analysis, words))
            return ["", framed(page(analysis, words), words), files]

        return _done(work, 3, session, language)

    def write(
        self,
        style: Style,
        tone: Tone,
        session: Session,
        scenes: Scenes,
        language: str,
        progress: Any = _PROGRESS,
    ) -> Updates:
        """Writes about the file; gives the trouble and the text."""
        words = wordings()[language]

        def work() -> Updates:
            file = _file_of(session)
            analysis = scenes.analysis(self._backend, file, language, _shown(progress))
            story = scenes.story(self._backend, analysis, style, tone, language)
            return ["", story_of(story, words)]

        return _done(work, 2, session, language)

    def cut(
        self,
        query: str,
        seconds: float | None,
        session: Session,
        scenes: Scenes,
        language: str,
        progress: Any = _PROGRESS,
    ) -> Updates:
        """Cuts what fits a query; gives the trouble, the cut with its reasons, and the files."""

        def work() -> Updates:
            file, wanted = _file_of(session), float(seconds or 0)
            told, files = scenes.cut(self._backend, file, query, wanted, _shown(progress))
            return ["", cut_of(files[0], told), _offered(files)]

        return _done(work, 3, session, language)

    def forget(self, session: Session, scenes: Scenes) -> Updates:
        """Clears what is shown of another file than the visitor's; gives all of these fields."""
        if scenes.file in (None, session.file):
            return [gr.skip()] * 8
        scenes.forget()
        hidden = gr.update(value=None, visible=False)
        return ["", "", hidden, "", "", "", "", hidden]

    def search(self, query: str, session: Session, language: str) -> Updates:
        """Searches the library; gives the trouble and what was found."""
        search = self._backend.search

        def work() -> Updates:
            assert search is not None
            return ["", hits_of(search(query), wordings()[language])]

        return _done(work, 2, session, language)


def _file_of(session: Session) -> Path:
    if session.file is None:
        raise InputError("No file is chosen; choose one first, or one of the examples.")
    return session.file


def _offered(files: list[Path]) -> Any:
    return gr.update(value=[str(file) for file in files], visible=True)


def _shown(progress: Any) -> OnProgress:
    """Draws how far a file is gone through."""
    return lambda done, total: progress((done, total))


def _done(work: Callable[[], Updates], count: int, session: Session, language: str) -> Updates:
    """The updates, or the trouble and everything else as it was."""
    try:
        return work()
    except Exception as error:
        trouble = trouble_of(error, session.file, wordings()[language])
        return [trouble, *[gr.skip()] * (count - 1)]
