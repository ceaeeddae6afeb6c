"""One HTML page with the best and the worst answers, each beside the frames it is about."""

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

FRAMES_SHOWN = 4
FRAME_HEIGHT_PIXELS = 120

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; color: #222 }
h1, h2 { font-weight: 600 } th { text-align: left; font-weight: 400; padding-right: 2rem }
article { display: flex; gap: 1rem; padding: .8rem 0; border-top: 1px solid #ddd }
article > div:first-child { flex: 0 0 26rem } img { height: 120px; margin: 0 2px 2px 0 }
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
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{value:.1f}</td></tr>"
        for name, value in summary.numbers.items()
    )
    counts = f"{summary.num_answers} answers, {summary.num_broken} unreadable files"
    title = f"{task.name}, {task.source}"
    samples = {sample.id: sample for sample in task.samples}
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><table>{rows}</table><p>{counts}</p>"
        f"<h2>Best</h2>{_articles(best, samples)}<h2>Worst</h2>{_articles(worst, samples)}"
    )
    with new_file(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _articles(records: Sequence[Record], samples: dict[str, Sample]) -> str:
    return "".join(
        f"<article><div>{_pictures(samples[record.id])}</div><div>"
        f"<span class=score>{record.score:.0f}</span><p>{escape(record.question)}</p>"
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
        frames = sample.open_clip().frames
    except MediaError as error:
        return escape(str(error))
    if frames is None:
        return escape(sample.id)
    shown = torch.linspace(0, len(frames) - 1, min(FRAMES_SHOWN, len(frames))).round().int()
    return "".join(_picture(frames[index]) for index in shown.tolist())


def _picture(frame: torch.Tensor) -> str:
    picture = Image.fromarray(frame.numpy())
    picture.thumbnail((4 * FRAME_HEIGHT_PIXELS, FRAME_HEIGHT_PIXELS))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
