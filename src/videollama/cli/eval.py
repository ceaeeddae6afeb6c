"""`videollama eval`: how good the answers are, in numbers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videollama.cli import options
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import notes, working
from videollama.errors import InputError

if TYPE_CHECKING:
    from videollama.evaluation.answer_log import AnswerLog
    from videollama.evaluation.runner import Summary
    from videollama.evaluation.tasks import Task


class TaskName(StrEnum):
    """What can be measured."""

    CAPTIONS = "captions"
    SOUNDS = "sounds"
    ORDER = "order"
    YESNO = "yesno"
    ANSWERS = "answers"


def evaluate(
    task: Annotated[TaskName, typer.Argument(help="What to measure.", show_default=False)],
    folder: Annotated[
        Path,
        typer.Argument(
            help="Photos (captions.jsonl, images/); for sounds: labels.csv, audio/; for answers: "
            "annotations of your own, or their folder.",
            show_default=False,
        ),
    ],
    model: options.ModelOption = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            help="Part of the photos or samples. [default: val, or what is not train; of your own "
            "test, else val]",
        ),
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option("--fold", help="Part of the sounds. [default: 4, or what is not 1 to 3]"),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=2, help="Ask only so many questions, drawn with --seed."),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            "--frames", min=1, help="Frames per clip. [default: 1; sounds, order, answers: 8]"
        ),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            "--photos",
            metavar="FOLDER",
            help="Photos for the clips without sound of: sounds. [default: patches of colour]",
        ),
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Also ask without giving media, for comparison.")
    ] = False,
    beams: options.BeamsOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Of draws, cuts and camera paths.")] = 0,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Questions a pass.")] = 8,
    output: options.OutputOption = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write the best and worst answers as HTML."),
    ] = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Measure the model on labelled photos or sounds, or on questions of your own.

    captions: CIDEr-D and BLEU of one sentence per photo. sounds: how many sounds are named, and
    whether a missing or silent audio track is said. order: which of two scenes comes first
    (chance 50 %). yesno: whether a thing is in the picture (chance 50 %). answers: how many of your
    own questions are answered as you wrote (docs/data.md names the formats).

    With --output every answer gets a JSON line, and the same command goes on after a stop.

    Examples:

        videollama eval captions flickr8k/ --blind

        videollama eval sounds esc50/ --fold 4 --output sounds.jsonl --json

        videollama eval answers my-data/ --split test --model runs/finetune/model
    """
    with working("Reading the questions", quiet=quiet):
        questions = _task(
            task,
            folder,
            split=split,
            fold=fold,
            photos=photos,
            limit=limit,
            frames=frames,
            seed=seed,
        )
    if not quiet:
        notes().print(f"{task}: {len(questions.samples)} questions, {questions.source}")
    assistant = load_assistant(model, device, dtype, quiet=quiet)
    from videollama.evaluation.answering import EngineAnswerer
    from videollama.evaluation.runner import run_task
    from videollama.inference.engine import CAPTION_BEAMS

    if beams is None:
        beams = CAPTION_BEAMS if task is TaskName.CAPTIONS else 1
    answerer = EngineAnswerer(assistant, num_beams=beams)
    run = {
        "task": str(task),
        "folder": str(folder.resolve()),
        "part": questions.source,
        "photos": None if photos is None else str(photos.resolve()),
        "seed": seed,
        "frames": frames,
        "beams": beams,
        "dtype": dtype,
        "model": model or "default",
        "weights": answerer.fingerprint(),
    }
    log = _log(output, run)
    results: dict[str, Summary] = {}
    for title in ("with media", "blind") if blind else ("with media",):
        with _progress(title, len(questions.samples), quiet=quiet) as progress:
            results[title] = run_task(
                questions,
                answerer,
                blind=title == "blind",
                batch_size=batch_size,
                log=log,
                progress=progress,
            )
    if page is not None:
        from videollama.evaluation.page import write_page

        write_page(page, questions, results["with media"])
    if as_json:
        summaries = {title: summary.to_dict() for title, summary in results.items()}
        print(json.dumps({**run, "limit": limit, **summaries}, ensure_ascii=False, indent=2))
    else:
        _print_table(results)


def _task(
    task: TaskName,
    folder: Path,
    *,
    split: str | None,
    fold: str | None,
    photos: Path | None,
    frames: int | None,
    **common: Any,
) -> "Task":
    if frames is not None:
        common["num_frames"] = frames
    if task is TaskName.SOUNDS:
        from videollama.evaluation.sounds import SoundsTask

        _refuse("--split", split, "sounds are divided into folds; use --fold")
        return SoundsTask(folder, fold=fold, photos=photos, **common)
    _refuse("--fold", fold, "photos are divided into splits; use --split")
    if task is TaskName.ANSWERS:
        from videollama.cli.own_questions import read_own_questions

        _refuse("--photos", photos, "the annotations name the files of this task")
        return read_own_questions(folder, split=split, **common)
    _refuse("--photos", photos, "FOLDER itself holds the photos of this task")
    if task is TaskName.CAPTIONS:
        from videollama.evaluation.captioning import CaptionsTask

        return CaptionsTask(folder, split=split, **common)
    if task is TaskName.YESNO:
        from videollama.evaluation.yes_no import YesNoTask

        return YesNoTask(folder, split=split, **common)
    from videollama.evaluation.order import OrderTask

    return OrderTask(folder, split=split, **common)


def _refuse(option: str, value: object, remedy: str) -> None:
    if value is not None:
        raise InputError(f"{option} {value} does not fit: {remedy}.")


def _log(output: Path | None, run: dict[str, Any]) -> "AnswerLog | None":
    if output is None:
        return None
    from videollama.evaluation.answer_log import AnswerLog

    return AnswerLog(output, run)


@contextmanager
def _progress(title: str, total: int, *, quiet: bool) -> "Iterator[Callable[[int], None]]":
    console = notes()
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        line = bar.add_task(title, total=total)
        yield lambda done: bar.advance(line, done)


def _print_table(results: "dict[str, Summary]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", *results, box=None)
    first = next(iter(results.values()))
    for position, name in enumerate(first.numbers):
        cells = []
        for summary in results.values():
            margin = f" ±{summary.margin:.1f}" if position == 0 else ""
            cells.append(f"{summary.numbers[name]:.1f}{margin}")
        table.add_row(name, *cells)
    table.add_row("answers", *(str(summary.num_answers) for summary in results.values()))
    table.add_row("unreadable files", *(str(summary.num_broken) for summary in results.values()))
    Console(highlight=False).print(table)
