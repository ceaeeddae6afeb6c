"""`videollama batch`: any number of files into a table, on one machine or on many."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.networking import require_packages
from videollama.cli.terminal import notes

if TYPE_CHECKING:
    from videollama.batch import BatchProgress, BatchReport

_MOST_NAMED_FAILURES = 20


class TaskName(StrEnum):
    """What is done to every file."""

    CAPTION = "caption"
    ANALYZE = "analyze"
    EMBED = "embed"


def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Folder, or list of files (.txt, .csv, .parquet), here or at an address.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT", help="Folder for Parquet files, or its address.", show_default=False
        ),
    ],
    task: Annotated[
        TaskName, typer.Option("--task", help="caption, analyze, embed.", show_default=False)
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Processes, each with a model. (1; with --address one per GPU, or per CPU)",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address", metavar="RAY", help="Work on a Ray cluster: ray://HOST:10001, auto."
        ),
    ] = None,
    block_size: Annotated[
        int | None,
        typer.Option(
            "--block-size", min=1, help="Files whose results are written together. (up to 64)"
        ),
    ] = None,
    max_failures: Annotated[
        int | None,
        typer.Option(
            "--max-failures", min=0, help="Stop when more files than that cannot be used."
        ),
    ] = None,
    question: Annotated[
        str | None, typer.Option("--question", help="Captions answer this instead.")
    ] = None,
    model: options.ModelOption = None,
    frames: options.FramesOption = None,
    fps: options.FpsOption = None,
    start: options.StartOption = None,
    end: options.EndOption = None,
    sampling: options.SamplingOption = options.Sampling.UNIFORM,
    max_new_tokens: Annotated[
        int | None,
        typer.Option("--max-new-tokens", min=1, help="Longest caption, in tokens. (48 if absent)"),
    ] = None,
    beams: options.BeamsOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Describe, analyze or embed any number of files, into Parquet, on one machine or on many.

    Run the same command again to go on after a stop, however it came about: blocks that are
    finished are kept, the others are done. A file that cannot be used becomes a row with its error
    and stops nothing; the exit code is 2 if none could be used, or more than --max-failures.

    Examples:

        videollama batch clips/ captions/ --task caption

        videollama batch s3://bucket/clips s3://bucket/vectors --task embed --address auto
    """
    require_packages("batch")
    from videollama.batch import BatchOptions, run_batch

    wanted = BatchOptions(
        task=task.value,
        model=model,
        device=device,
        dtype=dtype,
        question=question,
        asked={
            "num_frames": frames,
            "frames_per_second": fps,
            "start_seconds": start,
            "end_seconds": end,
            "sampling": "scenes" if sampling is options.Sampling.SCENES else None,
            **({} if max_new_tokens is None else {"max_new_tokens": max_new_tokens}),
            "num_beams": beams,
        },
    )
    try:
        with _progress(quiet=quiet) as on_progress:
            report = run_batch(
                source,
                output,
                wanted,
                workers=workers,
                address=address,
                block_size=block_size,
                max_failures=max_failures,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        notes().print(say("Stopped; what is finished is kept, and the same command goes on."))
        raise
    print(json.dumps(report.to_dict(), ensure_ascii=False) if as_json else _summary(report))
    if report.failed == report.files:
        raise typer.Exit(2)


def _summary(report: "BatchReport") -> str:
    told = [say("{} done").format(report.files - report.failed)]
    if report.failed:
        told.append(say("{} could not be used (see the column error)").format(report.failed))
    noun = "file" if report.blocks == 1 else "files"
    written = say(f"{{told}}; {{count}} Parquet {noun} in {{output}}.")
    return written.format(told=say(", ").join(told), count=report.blocks, output=report.output)


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Callable[[BatchProgress], None]]":
    """A bar on a terminal, else a line for every block; the first failures are named."""
    console = notes()
    named = 0

    def complain(progress: "BatchProgress") -> None:
        nonlocal named
        for error in progress.errors[: max(0, _MOST_NAMED_FAILURES - named)]:
            console.print(explain(error), style="red", markup=False)
        before, named = named, named + len(progress.errors)
        if before <= _MOST_NAMED_FAILURES < named:
            console.print(say("Further failures are counted and not named here."), style="red")

    if quiet:
        yield lambda progress: None
        return
    if not console.is_terminal:
        lines = _Lines()

        def tell(progress: "BatchProgress") -> None:
            complain(progress)
            console.print(lines.line_of(progress), markup=False)

        yield tell
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bar:
        bar_task = bar.add_task(say("Loading the model"), total=None)

        def draw(progress: "BatchProgress") -> None:
            complain(progress)
            told = _so_far("{done} of {total}", progress)
            bar.update(bar_task, description=told, completed=progress.done, total=progress.total)

        yield draw


def _so_far(template: str, progress: "BatchProgress") -> str:
    told = say(template).format(done=progress.done, total=progress.total)
    if progress.failed:
        told += say(", {} could not be used").format(progress.failed)
    return told


class _Lines:
    """The lines of a log, with the rate since this call began."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def line_of(self, progress: "BatchProgress") -> str:
        now = perf_counter()
        if self._first is None:
            self._first = progress.done, now
        line = _so_far("{done} of {total} files", progress)
        new, seconds = progress.done - self._first[0], now - self._first[1]
        if new:
            left = (progress.total - progress.done) * seconds / new
            rate = say(", {rate:.2f} per second, {minutes:.0f} minutes left")
            line += rate.format(rate=new / seconds, minutes=left / 60)
        return line
