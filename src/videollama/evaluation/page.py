"""One HTML page with the figures, then the best and the worst answers beside what was shown."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import MediaError
from videollama.evaluation.answer_log import Record
from videollama.evaluation.runner import Summary
from videollama.evaluation.tasks import Sample, Task
from videollama.evaluation.video_folder import NAMED_IN_MESSAGES, Covered
from videollama.languages.catalogue import Wording, wording
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


def write_page(
    path: Path, task: Task, summary: Summary, words: Wording | None = None, *, each: int = 12
) -> None:
    """Write the page; it needs no other file.

    Args:
        path: Where the page shall be; an old one is replaced.
        task: The questions, to open their clips again.
        summary: Their answers and scores.
        words: Of the language of its labels; English if absent.
        each: How many of the best and of the worst.

    Raises:
        OutputError: If the page cannot be written.
    """
    words = words or wording("en")
    judged = [record for record in summary.records if record.score is not None]
    ranked = sorted(judged, key=lambda record: record.score or 0.0, reverse=True)
    best = ranked[: min(each, (len(ranked) + 1) // 2)]
    worst = list(reversed(ranked[len(best) :]))[:each]
    title = f"{task.name}, {words.sentence(task.source)}"
    samples = {sample.id: sample for sample in task.samples}
    page = (
        f"<!doctype html><html lang={words.code}><meta charset=utf-8>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>"
        f"{_figures(summary, words)}{_basis(task, summary, words)}"
        f"{_articles('Best', best, samples, words)}{_articles('Worst', worst, samples, words)}"
    )
    with new_file(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _figures(summary: Summary, words: Wording) -> str:
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
                f"<tr><th>{escape(words.sentence(name))}</th><td>{shown}</td><td class=bar>"
                f'<i style="width:{min(max(share, 0.0), 100.0):.1f}%"></i></td></tr>'
                for name, shown, share in rows
            ),
            "</table>",
        )
    )


def _basis(task: Task, summary: Summary, words: Wording) -> str:
    """What the figures rest on, and what is missing from them."""
    told = words.phrase("{answers} answers, {broken} unreadable files")
    lines = [told.format(answers=summary.num_answers, broken=summary.num_broken)]
    if isinstance(task, Covered) and task.coverage.missing:
        missing = words.sentence(task.coverage.sentence())
        lines.append(words.phrase("not the whole benchmark: {what}").format(what=missing))
    lines += map(words.sentence, summary.left_out.values())
    if summary.judge is not None:
        lines.append(_of_the_judge(summary.judge, words))
    broken = [f"{r.id}: {words.sentence(r.error)}" for r in summary.records if r.error is not None]
    listed = "".join(f"<li>{escape(line)}" for line in broken[:NAMED_IN_MESSAGES])
    return "".join(f"<p>{escape(line)}</p>" for line in lines) + f"<ul>{listed}</ul>"


def _of_the_judge(judge: Mapping[str, Any], words: Wording) -> str:
    """Who judged, when, by which prompt, and how much of it."""
    return words.phrase(
        "judged by {model} ({dates}, prompt {prompt}): {verdicts} verdicts, {failures} failures"
    ).format_map({**judge, "dates": ", ".join(judge["dates"])})


def _articles(
    title: str, records: Sequence[Record], samples: dict[str, Sample], words: Wording
) -> str:
    """A section of the page; nothing without answers."""
    if not records:
        return ""
    return f"<h2>{words.phrase(title)}</h2>" + "".join(
        f"<article><div>{_pictures(samples[record.id], words)}</div><div>"
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


def _pictures(sample: Sample, words: Wording) -> str:
    try:
        clip = sample.open_clip()
    except MediaError as error:
        return escape(words.sentence(str(error)))
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
