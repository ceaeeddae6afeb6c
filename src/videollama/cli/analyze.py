"""`videollama analyze`: what is seen and heard in a file, and when."""

import json
from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.analysing import analysed
from videollama.cli.language import words
from videollama.cli.pages import require_page


def analyze(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Video, picture or sound.", show_default=False)
    ],
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page with timeline, pictures and waveform."
        ),
    ] = None,
    model: options.ModelOption = None,
    frames: options.SegmentFramesOption = None,
    language: options.WrittenLanguageOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Tell what is seen and heard in a file, scene by scene, with times.

    A file of any length is split where scenes end and where sound begins and ends. The numbers from
    0 to 1 say how likely the model found its own sentence.

    Examples:

        videollama analyze clip.mp4

        videollama analyze film.mkv --html film.html

        videollama analyze clip.mp4 --json
    """
    if html is not None:
        require_page(html)
    analysis = analysed(
        file,
        model,
        device,
        dtype,
        frames=frames,
        language=language,
        quiet=quiet or as_json,
        no_cache=no_cache,
    )
    if html is not None:
        from videollama.applications.page import write_page

        write_page(html, analysis, words(language))
    if as_json:
        print(json.dumps(analysis.to_dict(), ensure_ascii=False, indent=2))
    elif html is None:
        from videollama.applications.report import as_lines

        print("\n".join(as_lines(analysis, words(language))))
    else:
        print(html)
