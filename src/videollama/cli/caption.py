"""`videollama caption`: one sentence about each of many files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say, written
from videollama.cli.loading import load_assistant
from videollama.cli.media_files import files_in
from videollama.cli.terminal import notes
from videollama.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videollama.inference.answer import Captioned


def caption(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Files, or folders to search.", show_default=False),
    ],
    output: options.OutputOption = None,
    question: Annotated[
        str | None, typer.Option("--question", help="Ask this of every file instead.")
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Files at a time.")] = 4,
    model: options.ModelOption = None,
    frames: options.FramesOption = None,
    fps: options.FpsOption = None,
    start: options.StartOption = None,
    end: options.EndOption = None,
    sampling: options.SamplingOption = options.Sampling.UNIFORM,
    max_new_tokens: options.MaxNewTokensOption = 48,
    beams: options.BeamsOption = None,
    sample: options.SampleOption = False,
    seed: options.SeedOption = None,
    language: options.WrittenLanguageOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Describe many files; one that cannot be used is reported and does not stop the rest.

    With --output, every file gets one JSON line, and files that have one already are skipped:
    run the same command again to go on after a stop. The exit code is 2 if no file could be used.

    Examples:

        videollama caption clips/ --output captions.jsonl

        videollama caption *.mp4 --batch-size 8 --json
    """
    files = files_in(paths)
    done = _finished(output) if output is not None else {}
    todo = [file for file in files if str(file) not in done]
    if output is not None:
        _require_place(output)
    if done and not quiet:
        told = say("{done} of {total} files are done already.")
        notes().print(told.format(done=len(files) - len(todo), total=len(files)), style="dim")
        if unusable := sum(not done.get(str(file), True) for file in files):
            told = say("{failed} of them could not be used; remove their lines to try them again.")
            notes().print(told.format(failed=unusable), style="yellow")
    if not todo:
        return
    assistant = load_assistant(model, device, dtype, quiet=quiet, no_cache=no_cache)
    speaks = written(language, assistant)
    results = assistant.caption(
        todo,
        batch_size=batch_size,
        question=question,
        language=speaks,
        num_frames=frames,
        frames_per_second=fps,
        start_seconds=start,
        end_seconds=end,
        sampling=sampling.value,
        max_new_tokens=max_new_tokens,
        num_beams=beams,
        do_sample=sample or None,
        seed=seed,
    )
    failed = _report(_with_progress(results, len(todo), quiet=quiet), output, as_json=as_json)
    if failed and not quiet:
        told = say("{done} described, {failed} could not be used.")
        notes().print(told.format(done=len(todo) - failed, failed=failed), style="yellow")
    if failed == len(todo):
        raise typer.Exit(2)


def _finished(output: Path) -> dict[str, bool]:
    """Paths that have a line already, and whether they could be used.

    A last line cut off by a stop is removed.
    """
    if not output.is_file():
        return {}
    try:
        text = output.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise OutputError(
            f"{output} is not a list of captions, it is not even text; name another --output."
        ) from None
    whole = text[: text.rfind("\n") + 1]
    finished = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            told = json.loads(line)
            finished[told["path"]] = told.get("error") is None
        except (ValueError, TypeError, KeyError):
            raise OutputError(
                f"{output} is not a list of captions (line {number}: {line[:40]!r});"
                " name another --output."
            ) from None
    if whole != text:
        with output.open("r+b") as file:
            file.truncate(len(whole.encode("utf-8")))
    return finished


def _with_progress(
    results: "Iterator[Captioned]", total: int, *, quiet: bool
) -> "Iterator[Captioned]":
    console = notes()
    if quiet or not console.is_terminal:
        yield from results
        return
    from rich.progress import track

    yield from track(results, say("Describing"), total=total, console=console)


def _report(results: "Iterator[Captioned]", output: Path | None, *, as_json: bool) -> int:
    """Writes or prints every result as it comes; returns how many files could not be used."""
    from videollama.checkpoints.atomic_output import append_line

    failed = 0
    for result in results:
        if result.error is not None:
            failed += 1
            notes().print(explain(result.error), style="red", markup=False)
        if output is not None:
            append_line(output, json.dumps(result.to_dict(), ensure_ascii=False))
        elif as_json:
            print(json.dumps(result.to_dict(), ensure_ascii=False), flush=True)
        elif result.answer is not None:
            print(f"{result.path}: {result.answer.text}", flush=True)
    return failed


def _require_place(output: Path) -> None:
    """Makes the file, so that a place that takes none is told before the model is loaded."""
    from videollama.checkpoints.atomic_output import writing_to

    with writing_to(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        output.open("ab").close()
