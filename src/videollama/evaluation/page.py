"""One HTML page with the figures, then the best and the worst answers beside what was shown."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import torch
from PIL import Image

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import MediaError
from videollama.evaluation.answer_log import Record
from videollama.evaluation.runner import Summary
from videollama.evaluation.tasks import Sample, Task
from videollama.evaluation.video_folder import NAMED_IN_MESSAGES, Covered
from videollama.media.sheet import sheet_picture

FRAMES_SHOWN = 4
FRAME_HEIGHT_PIXELS = 120
SOUND_WIDTH_PIXELS = 100

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; color: #222 }
h1, h2 { font-weight: 600 } th { text-align: left; font-weight: 400; padding-right: 2rem }
article { display: flex; gap: 1rem; padding: .8rem 0; border-top: 1px solid #ddd }
article > div:first-child { flex: 0 0 26rem } img { max-width: 100%; margin: 0 2px 2px 0 }
article > div:last-child { flex: 1 } .question { white-space: pre-line } td { text-align: right }
.bar { width: 20rem; padding-left: 1rem }
.bar i { display: block; height: .7rem; background: #4a7ab5 }
.score { float: right; color: #666 } .truth { color: #666 } p { margin: .2rem 0 }
"""


def write_page(path: Path, task: Task, summary: Summary, *, each: int = 12) -> None:
    """Write the page; it needs no other file.

    Args:
        path: Where the page shall be; an old one is replaced.
        task: The questions, to open their clips again.
        summary: Their answers and scores.
        each: How many of the best and of the worst.

    Raises:
        OutputError: If the page cannot be written.
    """
    judged = [record for record in summary.records if record.score is not None]
    ranked = sorted(judged, key=lambda record: record.score or 0.0, reverse=True)
    best = ranked[:each]
    worst = list(reversed(ranked[len(best) :]))[:each]
    title = f"{task.name}, {task.source}"
    samples = {sample.id: sample for sample in task.samples}
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{_figures(summary)}{_basis(task, summary)}"
        f"<h2>Best</h2>{_articles(best, samples)}<h2>Worst</h2>{_articles(worst, samples)}"
    )
    with new_file(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _figures(summary: Summary) -> str:
    """A row with a bar for every figure."""
    rows = [
        *(
            (f"{name}, of 5", f"{value:.2f}", 20.0 * value)
            for name, value in summary.grades.items()
        ),
        *((name, f"{value:.1f}", value) for name, value in summary.numbers.items()),
    ]
    return "".join(
        (
            "<table>",
            *(
                f"<tr><th>{escape(name)}</th><td>{shown}</td><td class=bar>"
                f'<i style="width:{min(max(share, 0.0), 100.0):.1f}%"></i></td></tr>'
                for name, shown, share in rows
            ),
            "</table>",
        )
    )


def _basis(task: Task, summary: Summary) -> str:
    """What the figures rest on, and what is missing from them."""
    lines = [f"{summary.num_answers} answers, {summary.num_broken} unreadable files"]
    if isinstance(task, Covered) and task.coverage.missing:
        lines.append(f"not the whole benchmark: {task.coverage.sentence()}")
    if summary.judge is not None:
        judge = summary.judge
        lines.append(
            f"judged by {judge['model']} ({', '.join(judge['dates'])}, prompt {judge['prompt']}): "
            f"{judge['verdicts']} verdicts, {judge['failures']} failures"
        )
    broken = [f"{r.id}: {r.error}" for r in summary.records if r.error is not None]
    listed = "".join(f"<li>{escape(line)}" for line in broken[:NAMED_IN_MESSAGES])
    return "".join(f"<p>{escape(line)}</p>" for line in lines) + f"<ul>{listed}</ul>"


def _articles(records: Sequence[Record], samples: dict[str, Sample]) -> str:
    return "".join(
        f"<article><div>{_pictures(samples[record.id])}</div><div>"
        f"<span class=score>{record.score:.0f}</span>"
        f"<p class=question>{escape(record.question)}</p>"
        f"<p><b>{escape(record.answer or '')}</b></p>"
        f"<p class=truth>{escape(_truth(record))}</p></div></article>"
        for record in records
    )


def _truth(record: Record) -> str:
    if isinstance(record.truth, list):
        return " · ".join(map(str, record.truth))
    if isinstance(record.truth, dict):
        return ", ".join(f"{key}: {value}" for key, value in record.truth.items())
    return str(record.truth)


def _pictures(sample: Sample) -> str:
    try:
        clip = sample.open_clip()
    except MediaError as error:
        return escape(str(error))
    frames = clip.frames
    if frames is None:
        return _image(sheet_picture(clip, heading=False, cell_width=SOUND_WIDTH_PIXELS))
    shown = torch.linspace(0, len(frames) - 1, min(FRAMES_SHOWN, len(frames))).round().int()
    return "".join(_picture(frames[index]) for index in shown.tolist())


def _picture(frame: torch.Tensor) -> str:
    picture = Image.fromarray(frame.numpy())
    picture.thumbnail((4 * FRAME_HEIGHT_PIXELS, FRAME_HEIGHT_PIXELS))
    return _image(picture)


def _image(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
