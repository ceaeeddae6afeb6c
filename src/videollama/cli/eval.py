"""`videollama eval`: how good the answers are, in numbers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videollama.cli import options
from videollama.cli.eval_report import counted, print_table
from videollama.cli.eval_tasks import Choice, TaskName, build_task
from videollama.cli.language import explain, say, words
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import notes, working
from videollama.errors import DataError

if TYPE_CHECKING:
    from videollama.evaluation.answer_log import AnswerLog
    from videollama.evaluation.answering import Answerer
    from videollama.evaluation.judge import Judge
    from videollama.evaluation.runner import Summary
    from videollama.evaluation.tasks import Task
    from videollama.evaluation.video_folder import Coverage


def evaluate(
    task: Annotated[TaskName, typer.Argument(help="What to measure.", show_default=False)],
    folder: Annotated[
        Path,
        typer.Argument(
            help="Photos (captions.jsonl, images/), sounds (labels.csv, audio/), a benchmark, or "
            "annotations of your own.",
            show_default=False,
        ),
    ],
    model: options.ModelOption = None,
    media: Annotated[
        Path | None,
        typer.Option("--media", metavar="FOLDER", help="A benchmark's videos. [default: FOLDER]"),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Go on without videos that are not there.")
    ] = False,
    choice: Annotated[
        Choice | None,
        typer.Option(
            "--choice",
            help="mvbench, video-mme: written letter or likeliest text. [default: letter]",
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option("--judge", metavar="URL", help="A server with OpenAI's API that judges."),
    ] = None,
    judge_model: Annotated[
        str | None, typer.Option("--judge-model", metavar="NAME", help="The model that judges.")
    ] = None,
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
        typer.Option("--frames", min=1, help="Frames per clip. [default: 8; of a photo 1]"),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            "--photos",
            metavar="FOLDER",
            help="Photos for the clips without sound of: sounds. [default: patches of colour]",
        ),
    ] = None,
    sounds: Annotated[
        Path | None,
        typer.Option("--sounds", metavar="FOLDER", help="Sounds for the videos of: hallucination."),
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
        typer.Option(
            "--page", metavar="FILE", help="Write figures, best and worst answers as HTML."
        ),
    ] = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Measure the model on labelled photos or sounds, on a benchmark, or on questions of your own.

    captions: CIDEr-D, BLEU and METEOR of one sentence per photo. sounds: how many sounds are named,
    and whether a missing or silent audio track is said. order: which of two scenes comes first
    (chance 50 %). yesno: whether a thing is in the picture (chance 50 %). hallucination: how often
    something is told that is not there. answers: how many of your own questions are answered as you
    wrote (docs/data.md names the formats).

    msvd-qa, msrvtt-qa, activitynet-qa: free answers, matched with the true one and, with --judge,
    judged. mvbench, video-mme: which option. video-chatgpt: five grades by --judge. clip-captions:
    AudioCaps and all data with captions that "videollama data" reads.

    With --output every answer gets a JSON line, and the same command goes on after a stop.

    Examples:

        videollama eval captions flickr8k/ --blind

        videollama eval sounds esc50/ --fold 4 --output sounds.jsonl --json

        videollama eval answers my-data/ --split test --model runs/finetune/model

        videollama eval msvd-qa MSVD-QA/ --media YouTubeClips/ --page msvd.html
    """
    own = {
        "media": media,
        "allow_missing": allow_missing,
        "choice": None if choice is None else str(choice),
        "judge": judge,
        "judge_model": judge_model,
        "split": split,
        "fold": fold,
        "photos": photos,
        "sounds": sounds,
    }
    common = {"limit": limit, "seed": seed} | ({} if frames is None else {"num_frames": frames})
    from videollama.checkpoints.atomic_output import require_new_file

    with working("Reading the questions", quiet=quiet):
        questions = build_task(task, folder, own, common)
    if not quiet:
        told = say("{task}: {count} questions, {source}")
        source = explain(questions.source)
        notes().print(told.format(task=task, count=len(questions.samples), source=source))
    if page is not None:
        require_new_file(page)
    coverage = _coverage(questions, allow_missing=allow_missing, as_json=as_json, quiet=quiet)
    judging = _judge(judge, judge_model)
    assistant = load_assistant(model, device, dtype, quiet=quiet)
    from videollama.evaluation.answering import EngineAnswerer
    from videollama.inference.engine import CAPTION_BEAMS

    if beams is None:
        beams = CAPTION_BEAMS if task in (TaskName.CAPTIONS, TaskName.CLIP_CAPTIONS) else 1
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
        results[title] = _measure(title, questions, answerer, batch_size, log, judging, quiet=quiet)
    if page is not None:
        from videollama.evaluation.page import write_page

        write_page(page, questions, results["with media"], words())
    if as_json:
        report: dict[str, Any] = {**run, "limit": limit}
        if coverage is not None:
            report["coverage"] = coverage.to_dict()
        report |= {title: summary.to_dict() for title, summary in results.items()}
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        print_table(results, coverage)


def _coverage(
    questions: "Task", *, allow_missing: bool, as_json: bool, quiet: bool
) -> "Coverage | None":
    """Which videos are there; a refusal if some are not and that is not allowed."""
    from videollama.evaluation.video_folder import Covered

    if not isinstance(questions, Covered):
        return None
    coverage = questions.coverage
    if not coverage.missing:
        return coverage
    if not allow_missing or not questions.samples:
        if as_json:
            print(json.dumps({"coverage": coverage.to_dict()}, ensure_ascii=False, indent=2))
        remedy = (
            "--allow-missing goes on without them, --json lists all"
            if questions.samples
            else "name their folder with --media"
        )
        raise DataError(f"{coverage.sentence()}; {remedy}.")
    if not quiet:
        notes().print(explain(coverage.sentence()), style="yellow", markup=False)
    return coverage


def _judge(url: str | None, model: str | None) -> "Judge | None":
    if url is None or model is None:
        return None
    from videollama.evaluation.judge import Judge

    judge = Judge(url, model)
    judge.check()
    return judge


def _measure(
    title: str,
    questions: "Task",
    answerer: "Answerer",
    batch_size: int,
    log: "AnswerLog | None",
    judge: "Judge | None",
    *,
    quiet: bool,
) -> "Summary":
    from videollama.evaluation.judging import JudgedTask, judge_answers
    from videollama.evaluation.runner import run_task

    with counted(say(title), len(questions.samples), quiet=quiet) as progress:
        summary = run_task(
            questions,
            answerer,
            blind=title == "blind",
            batch_size=batch_size,
            log=log,
            progress=progress,
        )
    if judge is None or not isinstance(questions, JudgedTask):
        return summary
    with counted(say(f"{title}, judged"), None, quiet=quiet) as progress:
        return judge_answers(questions, summary, judge, log=log, progress=progress)


def _log(output: Path | None, run: dict[str, Any]) -> "AnswerLog | None":
    if output is None:
        return None
    from videollama.evaluation.answer_log import AnswerLog

    return AnswerLog(output, run)
