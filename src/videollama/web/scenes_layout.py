"""The fields of the page for whole files, and for a library."""

from typing import Any, get_args

import gradio as gr

from videollama.applications.story import Style, Tone
from videollama.languages.catalogue import Wording
from videollama.web.session import LONGEST_QUESTION

STORY_CHOICES = {"story_style": get_args(Style), "story_tone": get_args(Tone)}
_USUAL_SECONDS = 30


def lay_out_scenes(words: Wording) -> dict[str, Any]:
    """What is seen and heard in a whole file, texts about it, and a cut of it.

    What a button gives, or why it gives nothing, stands right below it, on a narrow screen too.
    """
    found: dict[str, Any] = {}
    with gr.Row():
        with gr.Column(scale=6, min_width=300):
            found["scenes_go"] = gr.Button(
                words.text("scenes_go"), variant="primary", elem_id="scenes-go"
            )
            found["scenes_trouble"] = _trouble("scenes-trouble")
            found["scenes_page"] = gr.HTML(elem_id="scenes-page")
        with gr.Column(scale=5, min_width=300):
            found["scenes_files"] = _downloads(words, "scenes_files")
            with gr.Accordion(words.text("story"), open=False) as found["story"]:
                found |= _lay_out_story(words)
            with gr.Accordion(words.text("cut"), open=False) as found["cut"]:
                found |= _lay_out_cut(words)
    return found


def lay_out_search(words: Wording) -> dict[str, Any]:
    """A sentence, and the moments of the library that fit it."""
    return {
        "search_query": gr.Textbox(
            label=words.text("search_query"),
            placeholder=words.text("search_query_hint"),
            max_length=LONGEST_QUESTION,
            elem_id="search-query",
        ),
        "search_go": gr.Button(words.text("search_go"), variant="primary", min_width=80),
        "search_trouble": _trouble("search-trouble"),
        "search_found": gr.HTML(elem_id="search-found"),
    }


def story_choices(name: str, words: Wording) -> list[tuple[str, str]]:
    """The styles, or the tones, with what they are called."""
    return [(words.text(f"{name}_{value}"), value) for value in STORY_CHOICES[name]]


def _lay_out_story(words: Wording) -> dict[str, Any]:
    return {
        "story_style": gr.Radio(
            story_choices("story_style", words), value="title", label=words.text("story_style")
        ),
        "story_tone": gr.Dropdown(
            story_choices("story_tone", words), value="neutral", label=words.text("story_tone")
        ),
        "story_go": gr.Button(words.text("story_go")),
        "story_trouble": _trouble("story-trouble"),
        "story_text": gr.HTML(elem_id="story-text"),
    }


def _lay_out_cut(words: Wording) -> dict[str, Any]:
    return {
        "cut_query": gr.Textbox(
            label=words.text("cut_query"),
            placeholder=words.text("cut_query_hint"),
            max_length=LONGEST_QUESTION,
            elem_id="cut-query",
        ),
        "cut_seconds": gr.Number(
            value=_USUAL_SECONDS, label=words.text("cut_seconds"), elem_id="cut-seconds"
        ),
        "cut_go": gr.Button(words.text("cut_go")),
        "cut_trouble": _trouble("cut-trouble"),
        "cut_shown": gr.HTML(elem_id="cut-shown"),
        "cut_files": _downloads(words, "cut_files"),
    }


def _trouble(name: str) -> gr.HTML:
    return gr.HTML(elem_classes="note", elem_id=name)


def _downloads(words: Wording, name: str) -> gr.File:
    return gr.File(label=words.text(name), file_count="multiple", interactive=False, visible=False)
