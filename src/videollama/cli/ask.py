"""`videollama ask`: one question about one file or several."""

import json
from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import remark_on, working
from videollama.errors import InputError
from videollama.media.container import local_file


def ask(
    media_and_question: Annotated[
        list[str],
        typer.Argument(
            metavar="MEDIA... QUESTION",
            help="Video, picture or sound files, mixed as you like, and the question last.",
            show_default=False,
        ),
    ],
    model: options.ModelOption = None,
    frames: options.FramesOption = None,
    fps: options.FpsOption = None,
    start: options.StartOption = None,
    end: options.EndOption = None,
    sampling: options.SamplingOption = options.Sampling.UNIFORM,
    max_new_tokens: options.MaxNewTokensOption = 96,
    beams: options.BeamsOption = None,
    sample: options.SampleOption = False,
    temperature: options.TemperatureOption = None,
    top_p: options.TopPOption = None,
    seed: options.SeedOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Flag what the answer names and the files do not bear out."),
    ] = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Answer a question about videos, pictures and sounds.

    Examples:

        videollama ask clip.mp4 "What happens, and what do you hear?"

        videollama ask photo.jpg barking.wav "Does the sound fit the picture?"

        videollama ask film.mkv "What is she holding?" --start 60 --end 75 --frames 16 --json
    """
    *media, question = media_and_question
    if not media or _is_there(question):
        raise InputError(_what_is_missing(question))
    for file in media:
        local_file(file)  # a wrong name is told before the model is loaded
    assistant = load_assistant(model, device, dtype, quiet=quiet or as_json, no_cache=no_cache)
    with working("Looking and listening", quiet=quiet or as_json):
        answer = assistant.ask(
            list(media),
            question,
            check=check,
            num_frames=frames,
            frames_per_second=fps,
            start_seconds=start,
            end_seconds=end,
            sampling=sampling.value,
            max_new_tokens=max_new_tokens,
            num_beams=beams,
            do_sample=sample or None,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        )
    if as_json:
        print(json.dumps({"question": question, **answer.to_dict()}, ensure_ascii=False, indent=2))
        return
    print(answer.text, flush=True)
    if not quiet:
        remark_on(answer)


def _what_is_missing(last_word: str) -> str:
    example = 'videollama ask clip.mp4 "What happens?"'
    if _is_there(last_word):
        return f"The question about {last_word} is missing; for example: {example}"
    return f"A file to ask {last_word!r} about is missing; for example: {example}"


def _is_there(word: str) -> bool:
    try:
        return Path(word).exists()
    except OSError:  # a question may be too long for a name
        return False
