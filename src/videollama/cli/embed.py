"""`videollama embed`: files as vectors, for other tasks."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.analysing import progress_bar
from videollama.cli.language import explain, say
from videollama.cli.loading import load_assistant
from videollama.cli.media_files import files_in
from videollama.cli.terminal import notes
from videollama.errors import InputError

if TYPE_CHECKING:
    from videollama.inference.embedding import Embedded

_EXAMPLE = "videollama embed clips/ -o clips.npz"


def embed(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Files, or folders to search.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write .npz or .json."),
    ] = None,
    model: options.ModelOption = None,
    frames: options.FramesOption = None,
    fps: options.FpsOption = None,
    start: options.StartOption = None,
    end: options.EndOption = None,
    sampling: options.SamplingOption = options.Sampling.UNIFORM,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Turn videos, pictures and sounds into vectors for classifying, grouping, comparing.

    Every file gives a vector of its picture, one of its sound, and one of both (joint), as wide as
    the decoder and of length 1. A file that cannot be used is named, and the rest goes on; the
    exit code is 2 if none could be used.

    Examples:

        videollama embed clips/ -o clips.npz

        videollama embed photo.jpg rain.wav --json
    """
    if output is None and not as_json:
        raise InputError(f"Nothing is to be written; name a file or add --json: {_EXAMPLE}")
    files = files_in(paths)
    if output is not None:
        _require_place(output)
    from videollama.inference.options import split_options

    moments, _ = split_options(
        {
            "num_frames": frames,
            "frames_per_second": fps,
            "start_seconds": start,
            "end_seconds": end,
            "sampling": sampling.value,
        }
    )
    hushed = quiet or as_json
    assistant = load_assistant(
        model, device, dtype, quiet=hushed, no_cache=no_cache, decoder_layers=False
    )
    results: list[Embedded] = []
    with progress_bar("Encoding", quiet=hushed) as on_progress:
        for result in assistant.embed(files, sampling=moments):
            results.append(result)
            on_progress(len(results), len(files))
            if result.error is not None:
                notes().print(explain(result.error), style="red", markup=False)
    failed = sum(result.error is not None for result in results)
    if failed and not quiet:
        told = say("{done} embedded, {failed} could not be used.")
        notes().print(told.format(done=len(files) - failed, failed=failed), style="yellow")
    if failed == len(files):
        raise typer.Exit(2)
    _report(results, output, as_json=as_json)


def _require_place(output: Path) -> None:
    """Refuses a name or a place that takes no vectors, before the model is loaded."""
    from videollama.applications.embedding_files import require_embeddings_name
    from videollama.checkpoints.atomic_output import require_new_file

    require_embeddings_name(output)
    require_new_file(output)


def _report(results: "list[Embedded]", output: Path | None, *, as_json: bool) -> None:
    from videollama.applications.embedding_files import as_dict, write_embeddings

    if output is not None:
        write_embeddings(output, results)
    if as_json:
        print(json.dumps(as_dict(results)))
    else:
        print(output)
