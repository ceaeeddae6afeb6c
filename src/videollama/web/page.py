"""The page as one object: `build_page` makes it, `page_look` tells how it is to be shown."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from videollama.web.backend import Backend, PageLimits
from videollama.web.guard import PageGuard
from videollama.web.handlers import Handlers
from videollama.web.layout import Parts, lay_out
from videollama.web.live_view import LiveView
from videollama.web.scene_handlers import SceneHandlers
from videollama.web.scenes import Scenes
from videollama.web.session import Session

_SECONDS_BETWEEN_PICTURES = 1.0
_KEPT_SECONDS = 24 * 3600  # uploads are deleted after a day
_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "sans-serif")
_TELL_LANGUAGE = "(code) => { document.documentElement.lang = code; }"
_FILES = {"concurrency_limit": 2, "concurrency_id": "files"}


def build_page(backend: Backend) -> gr.Blocks:
    """Builds the page; `launch` it with `page_look()`, or mount it into a server.

    Args:
        backend: Opens files and answers.

    Returns:
        A page in which every visitor has a file and a conversation of their own. As many questions
        are answered together as the backend's limits say; the others wait and see their place.
    """
    with gr.Blocks(
        title="videollama",
        analytics_enabled=False,
        delete_cache=(_KEPT_SECONDS, _KEPT_SECONDS),
    ) as page:
        session = gr.State(Session())  # every visitor gets a copy
        live = gr.State(LiveView())
        folder = Path(get_upload_folder())
        scenes = gr.State(Scenes(folder))
        parts = lay_out(
            backend.limits,
            with_search=backend.search is not None,
            with_links=backend.fetch is not None,
        )
        do = Handlers(backend, parts, folder)
        _connect(page, parts, session, live, do, backend.limits)
        _connect_live(parts, live, do, backend.limits)
        _connect_scenes(parts, session, scenes, SceneHandlers(backend))
    page.queue(max_size=backend.limits.waiting)
    return page


def page_look(limits: PageLimits) -> dict[str, Any]:
    """What Gradio's `launch` and `mount_gradio_app` are to be told besides the page.

    Args:
        limits: Those of the page's backend.
    """
    guard = Middleware(PageGuard, folder=get_upload_folder, stored_bytes=limits.stored_bytes)
    return {
        "app_kwargs": {"middleware": [guard]},
        # Gradio's own fonts are left out: the machine's know Chinese too.
        "theme": gr.themes.Default(primary_hue="blue", font=_FONTS, font_mono=("monospace",)),
        "css": files("videollama.web").joinpath("style.css").read_text(encoding="utf-8"),
        "footer_links": [],
        "run_history": False,
        # The page itself refuses large files in the visitor's language; this guards the disk.
        "max_file_size": 2 * limits.upload_bytes,
    }


def _connect_scenes(parts: Parts, session: gr.State, scenes: gr.State, do: SceneHandlers) -> None:
    """Tells the fields of whole files and of a library what they do."""
    visitor = [session, scenes, parts.language]
    told: dict[str, Any] = {
        "show_progress": "full",
        "concurrency_limit": 1,
        "concurrency_id": "whole files",
        "api_visibility": "private",
    }
    parts.scenes_go.click(
        do.go,
        visitor,
        [parts.scenes_trouble, parts.scenes_page, parts.scenes_files],
        show_progress_on=parts.scenes_page,
        **told,
    )
    parts.story_go.click(
        do.write,
        [parts.story_style, parts.story_tone, *visitor],
        [parts.story_trouble, parts.story_text],
        show_progress_on=parts.story_text,
        **told,
    )
    for asked in (parts.cut_go.click, parts.cut_query.submit):
        asked(
            do.cut,
            [parts.cut_query, parts.cut_seconds, *visitor],
            [parts.cut_trouble, parts.cut_shown, parts.cut_files],
            show_progress_on=parts.cut_shown,
            **told,
        )
    for asked in (parts.search_go.click, parts.search_query.submit):
        asked(
            do.search,
            [parts.search_query, session, parts.language],
            [parts.search_trouble, parts.search_found],
            show_progress_on=parts.search_found,
            **told,
        )
    shown = [parts.scenes_trouble, parts.scenes_page, parts.scenes_files]
    shown += [parts.story_trouble, parts.story_text]
    shown += [parts.cut_trouble, parts.cut_shown, parts.cut_files]
    parts.facts.change(do.forget, [session, scenes], shown, queue=False, api_visibility="private")


def _connect_live(parts: Parts, live: gr.State, do: Handlers, limits: PageLimits) -> None:
    """Tells the fields of the camera what they do."""
    told: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_limit": limits.answers,
        "api_visibility": "private",
    }
    parts.live_camera.stream(
        do.see,
        [parts.live_camera, parts.live_alerts, live, parts.language],
        [parts.live_trouble, parts.live_lines],
        stream_every=_SECONDS_BETWEEN_PICTURES,
        preprocess=False,  # a small file may hold a picture without bounds; Gradio would open it
        concurrency_id="cameras",
        **told,
    )
    for asked in (parts.live_send.click, parts.live_question.submit):
        asked(
            do.ask_live,
            [parts.live_question, live, parts.language],
            [parts.live_question, parts.live_trouble, parts.live_lines],
            concurrency_id="answers",
            **told,
        )


def _connect(
    page: gr.Blocks,
    parts: Parts,
    session: gr.State,
    live: gr.State,
    do: Handlers,
    limits: PageLimits,
) -> None:
    """Tells every field of a file and its conversation what it does."""
    choices = [session, parts.language, *parts.choices]
    view = [parts.problem, parts.sheet, parts.facts, *parts.talk]
    private: dict[str, Any] = {"api_visibility": "private"}
    files = {"outputs": view, **_FILES, **private}
    answers = {
        "outputs": parts.talk,
        "show_progress": "minimal",
        "show_progress_on": parts.chat,
        "concurrency_limit": limits.answers,
        "concurrency_id": "answers",
        **private,
    }

    parts.upload.upload(do.open, [parts.upload, *choices], **files)
    parts.link.submit(do.open_link, [parts.link, *choices], **files)
    parts.upload.clear(do.close, choices, **files)
    parts.record.stop_recording(do.open, [parts.record, *choices], **files)
    for button, example in (
        (parts.example_video, do.open_video),
        (parts.example_picture, do.open_picture),
        (parts.example_sound, do.open_sound),
    ):
        button.click(example, choices, **files)
        button.click(None, None, parts.upload, js="() => null")  # its file is not the one shown
    for changed in (
        parts.frames.release,
        parts.start.submit,
        parts.start.blur,
        parts.end.submit,
        parts.end.blur,
        parts.sound.input,
    ):
        changed(do.look, choices, **files)

    for asked in (parts.send.click, parts.question.submit):
        asked(do.ask, [parts.question, *choices], **answers)
    for suggestion in parts.suggestions:
        suggestion.click(do.ask, [suggestion, *choices], **answers)
    parts.retry.click(do.retry, choices, **answers)
    parts.stop.click(do.stop, session, queue=False, **private)
    for cleared in (parts.clear.click, parts.chat.clear):
        cleared(do.clear, choices, parts.talk, queue=False, **private)

    worded = [*parts.worded.values()]
    greeted = page.load(do.greet, None, worded, queue=False, **private)
    told = parts.language.input(
        do.reword,
        [session, live, parts.language],
        [*worded, *view, parts.live_trouble, parts.live_lines],
        queue=False,
        **private,
    )
    for event in (greeted, told):
        event.then(None, parts.language, None, js=_TELL_LANGUAGE)
