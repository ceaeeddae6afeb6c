"""The fields of the page and where they stand; what they do is in `handlers`."""

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from videollama.languages.catalogue import Wording, wordings
from videollama.web.backend import PageLimits
from videollama.web.live_view import MOST_ALERTS
from videollama.web.scenes_layout import (
    STORY_CHOICES,
    lay_out_scenes,
    lay_out_search,
    story_choices,
)
from videollama.web.session import LONGEST_QUESTION, Settings

# Every model knows English, so these stay as they are in every language.
SUGGESTIONS = ("What happens?", "What do you hear?", "Describe the video.")


@dataclass(frozen=True)
class Parts:
    """The fields of the page, from top to bottom."""

    title: gr.HTML
    language: gr.Radio
    upload: gr.File
    link: gr.Textbox
    examples: gr.HTML
    example_video: gr.Button
    example_picture: gr.Button
    example_sound: gr.Button
    camera: gr.Accordion
    record: gr.Video
    problem: gr.HTML
    sheet: gr.Image
    facts: gr.HTML
    settings: gr.Accordion
    frames: gr.Slider
    start: gr.Number
    end: gr.Number
    sound: gr.Checkbox
    length: gr.Slider
    check: gr.Checkbox
    chat: gr.Chatbot
    question: gr.Textbox
    trouble: gr.HTML
    send: gr.Button
    stop: gr.Button
    retry: gr.Button
    clear: gr.Button
    suggestions: tuple[gr.Button, ...]
    file_tab: gr.Tab
    scenes_tab: gr.Tab
    scenes_go: gr.Button
    scenes_trouble: gr.HTML
    scenes_page: gr.HTML
    scenes_files: gr.File
    story: gr.Accordion
    story_style: gr.Radio
    story_tone: gr.Dropdown
    story_go: gr.Button
    story_trouble: gr.HTML
    story_text: gr.HTML
    cut: gr.Accordion
    cut_query: gr.Textbox
    cut_seconds: gr.Number
    cut_go: gr.Button
    cut_trouble: gr.HTML
    cut_shown: gr.HTML
    cut_files: gr.File
    search_tab: gr.Tab
    search_query: gr.Textbox
    search_go: gr.Button
    search_trouble: gr.HTML
    search_found: gr.HTML
    live_tab: gr.Tab
    live_camera: gr.Image
    live_alerts: gr.Textbox
    live_question: gr.Textbox
    live_send: gr.Button
    live_trouble: gr.HTML
    live_lines: gr.HTML

    @property
    def choices(self) -> list[Any]:
        """The fields that make up `Settings`, in its order."""
        return [self.frames, self.start, self.end, self.sound, self.length, self.check]

    @property
    def talk(self) -> list[Any]:
        """The fields of the conversation."""
        buttons = [self.send, self.stop, self.retry, self.clear]
        return [self.chat, self.question, self.trouble, *buttons]

    @property
    def worded(self) -> dict[str, Any]:
        """The fields with words, by the name that the words have."""
        names = [each.name for each in fields(self) if each.name not in _WORDLESS]
        return {name: getattr(self, name) for name in names}


_WORDLESS = (
    *("problem", "facts", "trouble", "suggestions", "live_trouble", "live_lines"),
    *("scenes_trouble", "scenes_page", "story_trouble", "story_text"),
    *("cut_trouble", "cut_shown"),
    *("search_trouble", "search_found"),
)


def heading(words: Wording) -> str:
    """The page's title as HTML."""
    return f"<h1>{words.text('title')}</h1>"


def lay_out(limits: PageLimits, *, with_search: bool = False, with_links: bool = False) -> Parts:
    """Puts every field of the page in its place, in English.

    Args:
        limits: The fields take no more.
        with_search: Whether there is a library to show.
        with_links: Whether links are opened.
    """
    words = wordings()["en"]
    found: dict[str, Any] = {}
    with gr.Row(elem_id="head"):
        found["title"] = gr.HTML(heading(words), elem_id="title")
        found["language"] = gr.Radio(
            [(each.name, each.code) for each in wordings().values()],
            value="en",
            label=words.text("language"),
            show_label=False,
            container=False,
            elem_id="language",
        )
    with gr.Tab(words.text("file_tab")) as found["file_tab"], gr.Row():
        with gr.Column(scale=5, min_width=300):
            found |= _lay_out_file(words, with_links=with_links)
            found |= _lay_out_settings(words, limits)
        with gr.Column(scale=6, min_width=300):
            found |= _lay_out_chat(words)
    with gr.Tab(words.text("scenes_tab")) as found["scenes_tab"]:
        found |= lay_out_scenes(words)
    with gr.Tab(words.text("search_tab"), visible=with_search) as found["search_tab"]:
        found |= lay_out_search(words)
    with gr.Tab(words.text("live_tab")) as found["live_tab"]:
        found |= _lay_out_live(words)
    return Parts(**found)


def _lay_out_file(words: Wording, *, with_links: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "upload": gr.File(label=words.text("upload"), height=112, elem_id="upload"),
        "link": gr.Textbox(
            label=words.text("link"),
            placeholder=words.text("link_hint"),
            visible=with_links,
            elem_id="link",
        ),
        "examples": gr.HTML(words.text("examples")),
    }
    with gr.Row():
        for name in ("example_video", "example_picture", "example_sound"):
            found[name] = gr.Button(words.text(name), size="sm", min_width=80)
    with gr.Accordion(words.text("camera"), open=False) as found["camera"]:
        found["record"] = gr.Video(
            sources=["webcam"],
            label=words.text("record"),
            include_audio=True,
            webcam_options=gr.WebcamOptions(mirror=False),
            height=240,
        )
    found["problem"] = gr.HTML(elem_classes="note", elem_id="problem")
    found["sheet"] = gr.Image(
        label=words.text("sheet"),
        show_label=False,
        alt_text=words.text("sheet"),
        interactive=False,
        visible=False,
        buttons=["fullscreen"],
        format="png",
        elem_id="sheet",
    )
    found["facts"] = gr.HTML(elem_classes="note", elem_id="facts")
    return found


def _lay_out_settings(words: Wording, limits: PageLimits) -> dict[str, Any]:
    found: dict[str, Any] = {}
    usual = Settings()
    with gr.Accordion(words.text("settings"), open=False) as found["settings"]:
        found["frames"] = gr.Slider(
            min(1, limits.num_frames - 1),  # Gradio wants less than the most
            limits.num_frames,
            min(usual.num_frames, limits.num_frames),
            step=1,
            label=words.text("frames"),
        )
        with gr.Row():
            for name in ("start", "end"):
                found[name] = gr.Number(
                    value=0,
                    label=words.text(name),
                    minimum=0,
                    min_width=120,
                )
        found["sound"] = gr.Checkbox(usual.use_sound, label=words.text("sound"))
        found["length"] = gr.Slider(
            min(8, limits.max_new_tokens - 1),
            limits.max_new_tokens,
            min(usual.max_new_tokens, limits.max_new_tokens),
            step=8,
            label=words.text("length"),
        )
        found["check"] = gr.Checkbox(usual.check, label=words.text("check"))
    return found


def _lay_out_chat(words: Wording) -> dict[str, Any]:
    found: dict[str, Any] = {
        "chat": gr.Chatbot(
            label=words.text("chat"),
            placeholder=words.text("chat_hint"),
            height=440,
            render_markdown=False,
            latex_delimiters=[],
            buttons=[],
            feedback_options=None,
            elem_id="chat",
        ),
        "question": gr.Textbox(
            label=words.text("question"),
            placeholder=words.text("question_hint"),
            max_lines=4,
            max_length=LONGEST_QUESTION,
            elem_id="question",
        ),
    }
    found["trouble"] = gr.HTML(elem_classes="note", elem_id="trouble")
    with gr.Row(elem_id="buttons"):
        found["send"] = gr.Button(words.text("send"), variant="primary", min_width=80)
        found["stop"] = gr.Button(words.text("stop"), interactive=False, min_width=80)
        found["retry"] = gr.Button(words.text("retry"), interactive=False, min_width=80)
        found["clear"] = gr.Button(words.text("clear"), interactive=False, min_width=80)
    with gr.Row():
        found["suggestions"] = tuple(
            gr.Button(question, size="sm", min_width=80) for question in SUGGESTIONS
        )
    return found


def _lay_out_live(words: Wording) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            found["live_camera"] = gr.Image(
                sources=["webcam"],
                streaming=True,
                label=words.text("live_camera"),
                webcam_options=gr.WebcamOptions(mirror=False),
                height=360,
                elem_id="live-camera",
            )
            found["live_alerts"] = gr.Textbox(
                label=words.text("live_alerts"),
                placeholder=words.text("live_alerts_hint"),
                lines=2,
                max_lines=MOST_ALERTS,
                max_length=500,
                elem_id="live-alerts",
            )
        with gr.Column(scale=6, min_width=300):
            found["live_question"] = gr.Textbox(
                label=words.text("live_question"),
                placeholder=words.text("live_question_hint"),
                max_length=LONGEST_QUESTION,
                elem_id="live-question",
            )
            found["live_send"] = gr.Button(words.text("live_send"), variant="primary", min_width=80)
            found["live_trouble"] = gr.HTML(elem_classes="note", elem_id="live-trouble")
            found["live_lines"] = gr.HTML(
                f"<p>{words.text('live_nothing')}</p>", elem_id="live-lines"
            )
    return found


def reworded(name: str, part: Any, words: Wording) -> Any:
    """The update that puts one field of `Parts.worded` into another language."""
    text = words.text(name)
    if name == "title":
        return gr.update(value=heading(words))
    if isinstance(part, gr.Button | gr.HTML):
        return gr.update(value=text)
    if name in STORY_CHOICES:
        return gr.update(label=text, choices=story_choices(name, words))
    if name == "language":
        return gr.update(value=words.code, label=text)
    more = {"alt_text": text} if name == "sheet" else {}
    if f"{name}_hint" in words.texts:
        more["placeholder"] = words.text(f"{name}_hint")
    return gr.update(label=text, **more)
