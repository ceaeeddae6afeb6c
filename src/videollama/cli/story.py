"""`videollama story`: a title, an alternative text, a post, a story or a poem about a file."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.analysing import analysed_by, looked_over
from videollama.cli.language import say, words, written
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import working
from videollama.errors import InputError


class Style(StrEnum):
    """What kind of text."""

    ALT_TEXT = "alt-text"
    TITLE = "title"
    POST = "post"
    STORY = "story"
    POEM = "poem"


class Tone(StrEnum):
    """How it is written."""

    NEUTRAL = "neutral"
    FORMAL = "formal"
    FUNNY = "funny"
    WARM = "warm"
    DRAMATIC = "dramatic"


def story(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Video, picture or sound.", show_default=False)
    ],
    style: Annotated[Style, typer.Option("--as", help="What is written.")] = Style.STORY,
    tone: Annotated[Tone, typer.Option("--tone", help="How it is written.")] = Tone.NEUTRAL,
    language: options.WrittenLanguageOption = None,
    model: options.ModelOption = None,
    frames: options.SegmentFramesOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Write a title, an alternative text, a post, a story or a poem about a file.

    It rests on what is seen and heard; these facts are listed below it, with their times. A small
    decoder gives titles and alternative texts from the facts; of the rest only what they bear out.
    The exit code is 2 where there is none.

    Examples:

        videollama story clip.mp4 --as title

        videollama story clip.mp4 --as alt-text --json

        videollama story film.mkv --as poem --tone funny --model path/to/model
    """
    silent = quiet or as_json
    overview = looked_over(file, quiet=silent)
    assistant = load_assistant(model, device, dtype, quiet=silent, no_cache=no_cache)
    code = written(language, assistant)
    analysis = analysed_by(assistant, overview, frames=frames, language=code, quiet=silent)
    from videollama.applications.story import as_lines, tell

    with working("Writing", quiet=silent):
        told = tell(assistant, analysis, style.value, tone=tone.value, language=code)
    if as_json:
        print(json.dumps(told.to_dict(), ensure_ascii=False, indent=2))
    elif told.text is not None:
        print(told.text)
    if not silent:
        print("\n".join(["", say("Facts:"), *as_lines(told, words(language))]))
    if told.refusal is not None:
        raise InputError(told.refusal)
