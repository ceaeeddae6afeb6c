"""`videollama chat`: questions about the same files until the input ends."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import notes, working
from videollama.errors import InputError
from videollama.media.container import local_file


def chat(
    media: Annotated[
        list[str],
        typer.Argument(
            metavar="MEDIA...", help="Video, picture or sound files.", show_default=False
        ),
    ],
    model: options.ModelOption = None,
    frames: options.FramesOption = None,
    fps: options.FpsOption = None,
    start: options.StartOption = None,
    end: options.EndOption = None,
    sampling: options.SamplingOption = options.Sampling.UNIFORM,
    max_new_tokens: options.MaxNewTokensOption = 96,
    sample: options.SampleOption = False,
    temperature: options.TemperatureOption = None,
    top_p: options.TopPOption = None,
    seed: options.SeedOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    compiled: options.CompileOption = False,
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    r"""Talk about files: one question per line, until an empty line or Ctrl-D.

    The files are opened and encoded once. Questions may also come from a pipe. The built-in model
    answers every question by itself, without those before.

    Examples:

        videollama chat clip.mp4

        printf 'What happens?\nWhat do you hear?\n' | videollama chat clip.mp4 --json
    """
    import json

    for file in media:
        local_file(file)  # a wrong name is told before the model is loaded
    assistant = load_assistant(
        model, device, dtype, quiet=quiet or as_json, no_cache=no_cache, compiled=compiled
    )
    with working("Opening the files", quiet=quiet or as_json):
        conversation = assistant.chat(
            list(media),
            num_frames=frames,
            frames_per_second=fps,
            start_seconds=start,
            end_seconds=end,
            sampling=sampling.value,
            max_new_tokens=max_new_tokens,
            do_sample=sample or None,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        )
    asked = answered = 0
    for question in _questions(quiet=quiet or as_json):
        asked += 1
        try:
            if as_json:
                answer = conversation.ask(question)
                print(json.dumps({"question": question, **answer.to_dict()}, ensure_ascii=False))
            else:
                for piece in conversation.stream(question):
                    print(piece, end="", flush=True)
                print(flush=True)
            answered += 1
        except InputError as error:  # of this question; others may follow
            if as_json:
                print(json.dumps({"question": question, "error": str(error)}, ensure_ascii=False))
            notes().print(explain(str(error)), style="red", markup=False)
    if asked and not answered:
        raise typer.Exit(2)


def _questions(*, quiet: bool) -> Iterator[str]:
    """The lines a person types or a pipe delivers, until an empty line or the end."""
    typed = sys.stdin.isatty()
    if typed and not quiet:
        notes().print(say("Ask about the files; an empty line ends the conversation."), style="dim")
    while True:
        if typed:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line
