"""`videollama subtitle`: what is seen and heard, as subtitles."""

from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.analysing import analysed_by, looked_over, progress_bar
from videollama.cli.language import say, written
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import notes
from videollama.errors import InputError, OutputError

_EXAMPLE = "videollama subtitle clip.mp4 -o clip.vtt"


def subtitle(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Video or sound.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Subtitle file to write: .vtt, .srt or .ass."
        ),
    ] = None,
    soft_mux: Annotated[
        Path | None,
        typer.Option(
            "--soft-mux",
            metavar="FILE",
            help="Copy the video into this .mp4 or .mkv, with the subtitles as a track.",
        ),
    ] = None,
    burn_in: Annotated[
        Path | None,
        typer.Option(
            "--burn-in",
            metavar="FILE",
            help="Encode the video anew into this .mp4 or .mkv, with the subtitles in the picture.",
        ),
    ] = None,
    font: Annotated[
        Path | None,
        typer.Option("--font", metavar="FILE", help="Font of --burn-in; Latin letters if absent."),
    ] = None,
    transcript: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Subtitles of what is said (.srt, .vtt, .ass): kept, the rest in their pauses.",
        ),
    ] = None,
    model: options.ModelOption = None,
    frames: options.SegmentFramesOption = None,
    language: options.WrittenLanguageOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Write what is seen and heard in a file as subtitles.

    Descriptions are sentences, sounds stand in brackets: [dog barking]. Speech is not written down,
    but a transcript can be joined with them. A copy made by --soft-mux has the same picture and
    sound; players can turn the subtitles on.

    Examples:

        videollama subtitle clip.mp4 -o clip.vtt

        videollama subtitle clip.mp4 --soft-mux subtitled.mkv

        videollama subtitle clip.mp4 --burn-in shown.mp4

        videollama subtitle talk.mp4 --transcript speech.srt -o talk.srt
    """
    places = [place for place in (output, soft_mux, burn_in) if place is not None]
    if not places:
        raise InputError(f"Nothing is to be written; name a file: {_EXAMPLE}")
    if font is not None and burn_in is None:
        raise InputError(
            f"--font {font} has no effect without --burn-in; players choose the letters of "
            "subtitle files and tracks."
        )
    _require_names(output, soft_mux)
    _require_places(file, places)
    from videollama.applications.burned_subtitles import burn_in as draw_into
    from videollama.applications.burned_subtitles import require_burnable
    from videollama.applications.subtitle_files import (
        add_subtitle_track,
        read_transcript,
        write_subtitles,
    )
    from videollama.applications.subtitles import subtitle_cues
    from videollama.media.painted_text import TextPainter

    said = [] if transcript is None else read_transcript(transcript)
    overview = looked_over(file, quiet=quiet)
    if burn_in is not None:
        require_burnable(overview, burn_in)
    painter = TextPainter(font)
    assistant = load_assistant(model, device, dtype, quiet=quiet, no_cache=no_cache)
    speaks = written(language, assistant)
    analysis = analysed_by(assistant, overview, frames=frames, language=speaks, quiet=quiet)
    cues = subtitle_cues(analysis, said)
    if not cues and not quiet:
        told = say("There is nothing to say about {}.").format(file)
        notes().print(told, style="yellow", markup=False)
    if output is not None:
        write_subtitles(output, cues)
        print(output)
    if soft_mux is not None:
        add_subtitle_track(Path(file), soft_mux, cues)
        print(soft_mux)
    if burn_in is not None:
        with progress_bar("Drawing subtitles", quiet=quiet) as on_progress:
            draw_into(overview, cues, burn_in, painter, on_progress=on_progress)
        print(burn_in)


def _require_names(output: Path | None, soft_mux: Path | None) -> None:
    """Refuses names that tell no format."""
    from videollama.applications.subtitle_files import require_subtitle_name, require_video_name

    if output is not None:
        require_subtitle_name(output)
    if soft_mux is not None:
        require_video_name(soft_mux)


def _require_places(file: str, places: list[Path]) -> None:
    """Refuses places that cannot be written, before the model is loaded."""
    from videollama.checkpoints.atomic_output import require_new_file

    for place in places:
        if place.exists() and place.resolve() == Path(file).resolve():
            raise OutputError(f"{place} is the file that is read; choose another name.")
        require_new_file(place)
