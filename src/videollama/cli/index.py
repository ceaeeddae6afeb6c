"""`videollama index`: makes a folder of media searchable."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.loading import load_assistant
from videollama.cli.networking import require_packages
from videollama.cli.terminal import notes
from videollama.errors import InputError

if TYPE_CHECKING:
    from videollama.search.indexing import IndexReport, Progress


_STOPPED = "Stopped; the files that were done can be searched, and the same command goes on."


def index(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Searched with the folders inside it.", show_default=False
        ),
    ],
    db: options.DatabaseOption,
    frames: options.SegmentFramesOption = None,
    model: options.ModelOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Make a folder of videos, pictures and sounds searchable.

    Every file is split where scenes end and where sound begins and ends; each segment is described
    and listened to. Run it again after files have come, gone or moved: what is known is not done
    again. It may be stopped at any time, and goes on where it was. A file that cannot be used is
    named and does not stop the rest; the exit code is 2 if none could be used.

    Examples:

        videollama index videos/ --db library

        videollama search "a dog on a beach" --db library
    """
    require_packages("search")
    from videollama.search.indexing import library_files
    from videollama.search.model_note import NOTE_NAME
    from videollama.search.segment_store import SegmentStore, require_place

    _, paths = library_files(folder)
    if not (db / NOTE_NAME).is_file():
        if not paths:
            raise InputError(f"There is no video, picture or sound file in the folder {folder}.")
        require_place(db)
    else:
        SegmentStore(db)  # one of another version is told before the model is loaded
    assistant = load_assistant(model, device, dtype, quiet=quiet or as_json, no_cache=no_cache)
    from videollama.media.frame_sampling import FrameSampling
    from videollama.search.media_library import MediaLibrary

    count = FrameSampling.num_frames if frames is None else frames
    library = MediaLibrary(assistant, db)
    try:
        with _progress(quiet=quiet or as_json) as on_progress:
            report = library.index(folder, num_frames=count, on_progress=on_progress)
    except KeyboardInterrupt:
        notes().print(say(_STOPPED))
        raise
    if as_json:
        print(json.dumps(report.to_dict(), ensure_ascii=False, indent=2))
    else:
        print(_summary(report))
    if report.failed and not report.added + report.moved + report.unchanged:
        raise typer.Exit(2)


def _summary(report: "IndexReport") -> str:
    counts = (
        (report.added, "added"),
        (report.moved, "moved"),
        (report.unchanged, "unchanged"),
        (report.removed, "removed"),
        (len(report.failed), "could not be used"),
    )
    told = [say(f"{{}} {what}").format(count) for count, what in counts if count]
    noun = "segment" if report.segments == 1 else "segments"
    summary = say(f"Files: {{told}}. The library holds {{count}} {noun}.")
    return summary.format(told=say(", ").join(told), count=report.segments)


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Callable[[Progress], None]]":
    """A bar on a terminal, else a line for every file; those that cannot be used always."""
    console = notes()

    def complain(progress: "Progress") -> None:
        if progress.error is not None:
            console.print(explain(progress.error), style="red", markup=False)

    if quiet:
        yield complain
        return
    if not console.is_terminal:

        def tell(progress: "Progress") -> None:
            complain(progress)
            if progress.error is None and progress.segments_total == 0:
                where = say("{done} of {total}").format(
                    done=progress.done + 1, total=progress.total
                )
                console.print(f"{where}: {progress.path}", markup=False)

        yield tell
        return
    from rich.markup import escape
    from rich.progress import Progress as Bar

    with Bar(console=console, transient=True) as bar:
        task = bar.add_task(say("Looking and listening"), total=None)

        def draw(progress: "Progress") -> None:
            complain(progress)
            done = progress.done + progress.segments_done / (progress.segments_total or 1)
            name = escape(progress.path.name)
            bar.update(task, description=name, completed=done, total=progress.total)

        yield draw
