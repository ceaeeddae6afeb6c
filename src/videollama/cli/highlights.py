"""`videollama highlights`: the moments of a video that fit a query, cut out of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.analysing import progress_bar
from videollama.cli.language import explain, say
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import notes, working

if TYPE_CHECKING:
    from videollama.applications.highlight_files import CutFiles


def highlights(
    video: Annotated[
        str, typer.Argument(metavar="VIDEO", help="Video to cut.", show_default=False)
    ],
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help="What to look for: 'a dog runs'.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The cut, .mp4 or .mkv; a .json and an .edl file go next to it.",
            show_default=False,
        ),
    ],
    seconds: Annotated[float, typer.Option("--seconds", help="Longest cut.")] = 30.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of these names.")
    ] = False,
    model: options.ModelOption = None,
    frames: options.SegmentFramesOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Cut the moments out of a video that a query describes.

    A moment is a stretch between two cuts or two edges of sound. It scores by how likely the model
    finds the query as its own description of it, against the mean of the video, and by words of
    the query in what it says itself. Frames are copied where all moments begin at keyframes, and
    else encoded anew.

    Examples:

        videollama highlights film.mp4 "a dog runs" --seconds 30 -o cut.mp4

        videollama highlights film.mkv "church bells" -o bells.mp4 --json
    """
    from videollama.applications.highlight_files import require_free_places, write_cut
    from videollama.applications.highlights import find_highlights, require_askable

    require_free_places(Path(video), output, overwrite=overwrite)
    hushed = quiet or as_json
    with working("Looking for scenes and sounds", quiet=hushed):
        from videollama.media.overview import look_over

        overview = look_over(video)
    require_askable(overview, query, seconds)
    assistant = load_assistant(model, device, dtype, quiet=hushed, no_cache=no_cache)
    from videollama.media.frame_sampling import FrameSampling

    count = FrameSampling.num_frames if frames is None else frames
    with progress_bar("Looking and listening", quiet=hushed) as on_progress:
        found = find_highlights(
            assistant, overview, query, seconds=seconds, num_frames=count, on_progress=on_progress
        )
    with progress_bar("Cutting", quiet=hushed) as on_progress:
        files = write_cut(found, overview, output, on_progress=on_progress)
    if as_json:
        print(json.dumps(files.to_dict(found), ensure_ascii=False, indent=2))
        return
    print(files.video)
    if not quiet:
        _remark(files)


def _remark(files: "CutFiles") -> None:
    """Which moments were taken, and why."""
    from videollama.media.clock import clock

    console = notes()
    for event in files.events:
        span = f"{clock(event.start_seconds):>9} - {clock(event.end_seconds):<9}"
        line = f"{span}  {event.moment.score:5.2f}  {explain(event.moment.reason)}"
        console.print(line, markup=False, style="dim")
    how = "frames copied" if files.is_copied else "frames encoded anew"
    told = say(f"{{seconds:.1f}} s, {how}; {{account}}, {{edit_list}}")
    console.print(
        told.format(seconds=files.seconds, account=files.account, edit_list=files.edit_list),
        style="dim",
    )
