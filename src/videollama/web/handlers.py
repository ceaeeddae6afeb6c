"""What the page does when a field is used; errors become sentences beside the field."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from videollama.errors import VideoLlamaError
from videollama.languages.catalogue import Wording, preferred_language, wordings
from videollama.web.backend import Backend
from videollama.web.layout import Parts, reworded
from videollama.web.links import fetched
from videollama.web.live_view import LiveView, picture_in
from videollama.web.rendering import (
    alert,
    facts_of,
    lines_of,
    messages_of,
    picture_of,
    problem_of,
)
from videollama.web.session import Session, Settings, Turn
from videollama.web.troubles import trouble_of

Updates = list[Any]
MEGABYTE = 10**6


class Handlers:
    """Every method takes a visitor's session and what the fields hold, and gives their updates.

    Args:
        backend: Opens files and answers.
        parts: The fields.
        folder: Where files of visitors lie.
    """

    def __init__(self, backend: Backend, parts: Parts, folder: Path) -> None:
        self._backend, self._parts, self._folder = backend, parts, folder

    def open(self, file: str | None, session: Session, language: str, *choices: Any) -> Updates:
        """Opens an uploaded or a recorded file."""
        if file is None:
            return self.close(session, language)
        path, words = Path(file), wordings()[language]
        size, limit = path.stat().st_size, self._backend.limits.upload_bytes
        if size > limit:
            session.close()
            sizes = {"size": f"{size / MEGABYTE:.1f}", "limit": f"{limit / MEGABYTE:g}"}
            sentence = words.text("too_large", file=path.name, **sizes)
            return [alert(sentence), *_no_view(), *self._talk(session, words)]
        return self._show(session, words, path, choices)

    def open_link(self, address: str, session: Session, language: str, *choices: Any) -> Updates:
        """Opens what an address leads to."""
        words = wordings()[language]
        try:
            file, session.link_folder = fetched(
                self._backend, address.strip(), self._folder, session.link_folder
            )
        except VideoLlamaError as error:
            session.close()
            return [problem_of(error, None, words), *_no_view(), *self._talk(session, words)]
        return self._show(session, words, file, choices)

    def open_video(self, session: Session, language: str, *choices: Any) -> Updates:
        """Opens the example with pictures and sound."""
        return self._show(session, wordings()[language], Path(gr.get_video("b.mp4")), choices)

    def open_picture(self, session: Session, language: str, *choices: Any) -> Updates:
        """Opens the example without sound."""
        return self._show(session, wordings()[language], Path(gr.get_image("lion.jpg")), choices)

    def open_sound(self, session: Session, language: str, *choices: Any) -> Updates:
        """Opens the example without pictures."""
        return self._show(session, wordings()[language], Path(gr.get_audio("sax.wav")), choices)

    def close(self, session: Session, language: str, *_: Any) -> Updates:
        """Forgets the file."""
        session.close()
        return ["", *_no_view(), *self._talk(session, wordings()[language])]

    def look(self, session: Session, language: str, *choices: Any) -> Updates:
        """Shows what the model gets under other settings; the conversation goes on."""
        words = wordings()[language]
        if session.file is None:
            return ["", *_no_view(), *self._talk(session, words)]
        return self._show(session, words, session.file, choices)

    def ask(
        self, question: str, session: Session, language: str, *choices: Any
    ) -> Iterator[Updates]:
        """Answers a question word by word."""
        yield from self._answer(
            session,
            wordings()[language],
            lambda: session.ask(self._backend, question, _settings(choices)),
            question,
        )

    def retry(self, session: Session, language: str, *choices: Any) -> Iterator[Updates]:
        """Draws another answer to the last question."""
        yield from self._answer(
            session,
            wordings()[language],
            lambda: session.retry(self._backend, _settings(choices)),
        )

    def stop(self, session: Session) -> None:
        """Ends the answer that is being written."""
        session.stop()

    def clear(self, session: Session, language: str, *_: Any) -> Updates:
        """Begins a new conversation about the same file."""
        session.clear()
        return self._talk(session, wordings()[language], question="")

    def see(self, picture: Any, alerts: str, live: LiveView, language: str) -> Updates:
        """Takes a camera's picture; gives the trouble and the lines of the live view.

        Args:
            picture: As the browser sent it, `{"url": "data:image/…;base64,…"}`.
            alerts: What to watch for, one a line.
            live: The visitor's.
            language: The page's.
        """
        address = picture.get("url") if isinstance(picture, dict) else None
        if not isinstance(address, str) or not address.startswith("data:image/"):
            return [gr.skip(), gr.skip()]
        wanted = [line.strip() for line in alerts.splitlines() if line.strip()]

        def work() -> None:
            live.see(self._backend, picture_in(address), wanted)

        return self._told(live, wordings()[language], work)

    def ask_live(self, question: str, live: LiveView, language: str) -> Updates:
        """Answers a question about a camera; gives the question, the trouble and the lines."""
        work = partial(live.ask, self._backend, question)
        updates = self._told(live, wordings()[language], work)
        return [gr.skip() if updates[0] else "", *updates]

    def greet(self, request: gr.Request) -> Updates:
        """Puts the page into the browser's language."""
        language = preferred_language(request.headers.get("accept-language", ""))
        return self._reworded(language)

    def reword(self, session: Session, live: LiveView, language: str) -> Updates:
        """Puts the page, its conversations included, into another language."""
        words = wordings()[language]
        facts = facts_of(session.overview, words) if session.overview else gr.skip()
        view = ["", gr.skip(), facts]
        talk = [messages_of(session.turns, words), gr.skip(), "", *[gr.skip()] * 4]
        return [*self._reworded(language), *view, *talk, "", lines_of(live.lines, words)]

    def _told(self, live: LiveView, words: Wording, work: Callable[[], None]) -> Updates:
        before = live.lines
        try:
            work()
        except Exception as error:
            return [trouble_of(error, None, words), gr.skip()]
        if live.lines is before:
            return [gr.skip(), gr.skip()]
        return ["", lines_of(live.lines, words)]

    def _show(
        self, session: Session, words: Wording, file: Path, choices: tuple[Any, ...]
    ) -> Updates:
        """Opens a file, or the one that is open already under other settings."""
        try:
            settings = _settings(choices)
            if file == session.file:
                clip = session.look(self._backend, settings)
            else:
                clip = session.open(self._backend, file, settings)
        except VideoLlamaError as error:
            return [problem_of(error, file, words), *_no_view(), *self._talk(session, words)]
        sheet = gr.update(value=picture_of(clip), visible=True)
        return ["", sheet, facts_of(clip, words), *self._talk(session, words)]

    def _answer(
        self,
        session: Session,
        words: Wording,
        begin: Callable[[], Iterator[Turn]],
        question: str = "",
    ) -> Iterator[Updates]:
        try:
            for _ in begin():
                yield self._talk(session, words, question="", running=True)
        except Exception as error:
            trouble = trouble_of(error, session.file, words)
            yield self._talk(session, words, question=question, trouble=trouble)
        else:
            yield self._talk(session, words)

    def _talk(
        self,
        session: Session,
        words: Wording,
        *,
        question: str | None = None,
        trouble: str = "",
        running: bool = False,
    ) -> Updates:
        """Updates of `Parts.talk`."""
        asked = bool(session.turns)
        return [
            messages_of(session.turns, words),
            gr.skip() if question is None else question,
            trouble,
            gr.update(interactive=not running),
            gr.update(interactive=running),
            gr.update(interactive=asked and not running),
            gr.update(interactive=asked and not running),
        ]

    def _reworded(self, language: str) -> Updates:
        words = wordings()[language]
        return [reworded(name, part, words) for name, part in self._parts.worded.items()]


def _no_view() -> Updates:
    return [gr.update(value=None, visible=False), ""]


def _settings(choices: tuple[Any, ...]) -> Settings:
    frames, start, end, sound, length, check = choices
    # Gradio shows an empty number as 0 and sends it so once it was seen.
    return Settings(
        int(frames), start or None, end or None, bool(sound), int(length), check=bool(check)
    )
