"""What the model answers during a run, to be looked at.

RUN/samples/step-000040.png    frames, question, wanted answer and answer of held-out samples
RUN/samples/answers.jsonl      the same without the frames, a line per sample and step
"""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from videollama.checkpoints.atomic_output import append_line, new_file
from videollama.media.sheet import sheet_picture
from videollama.training.batches import Batches
from videollama.training.datasets.record import Sample, without_marks
from videollama.training.finetuning.clip_features import ClipEncoder
from videollama.training.finetuning.feature_build import UNREADABLE
from videollama.training.finetuning.prompted_answers import PromptedAnswers
from videollama.training.trackers import show_answers

_MAX_NEW_TOKENS = 48
_CELL_WIDTH, _TEXT, _LINE, _MARGIN, _COLUMNS = 144, 15, 21, 28, 66


@dataclass(frozen=True)
class _Shown:
    """A sample's frames, or None where they cannot be read, and what is said of them."""

    picture: Image.Image | None
    facts: dict[str, Any]


class ShownAnswers(TrainerCallback):
    """Answers some held-out questions every so many steps, in the first process.

    Args:
        objective: Answers.
        samples: What is asked.
        batches: The same, each alone.
        encoder: Opens their files.
        tokenizer: The decoder's.
        folder: The run's.
        every: Steps.
    """

    def __init__(
        self,
        objective: PromptedAnswers,
        samples: Sequence[Sample],
        batches: Batches,
        encoder: ClipEncoder,
        *,
        tokenizer: Any,
        folder: Path,
        every: int,
    ) -> None:
        self._objective, self._samples, self._batches = objective, samples, batches
        self._encoder, self._tokenizer, self._every = encoder, tokenizer, every
        self._folder = folder / "samples"
        self._callbacks: Sequence[TrainerCallback] = ()

    def tell(self, callbacks: Sequence[TrainerCallback]) -> None:
        """Show the answers in the trackers among the callbacks too."""
        self._callbacks = callbacks

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Answer, write down and draw, if it is time."""
        step = state.global_step
        if not state.is_world_process_zero or step % self._every:
            return
        self._objective.eval()
        half = torch.float16 if args.fp16 else torch.bfloat16
        with torch.autocast(args.device.type, half, enabled=args.fp16 or args.bf16):
            shown = [self._show(number, step, args.device) for number in range(len(self._samples))]
        self._objective.train()
        for each in shown:
            append_line(self._folder / "answers.jsonl", json.dumps(each.facts, ensure_ascii=False))
        picture = _drawn(shown)
        with new_file(self._folder / f"step-{step:06}.png") as draft:
            picture.save(draft, "PNG")
        show_answers(self._callbacks, picture, [each.facts for each in shown], step)

    def _show(self, number: int, step: int, device: torch.device) -> _Shown:
        sample, batch = self._samples[number], self._batches[number]
        turn = sample.turns[0]
        answer = ""
        if "input_ids" in batch:  # the file can be read
            there = {n: t.to(device) for n, t in batch.items() if isinstance(t, torch.Tensor)}
            tokens = self._objective.answer(there, _MAX_NEW_TOKENS)
            answer = self._tokenizer.decode(tokens, skip_special_tokens=True).strip()
        facts = {
            "step": step,
            "sample": sample.origin,
            "question": without_marks(turn.question),
            "wanted": turn.answer,
            "answer": answer,
        }
        return _Shown(self._picture(sample), facts)

    def _picture(self, sample: Sample) -> Image.Image | None:
        try:
            clip = self._encoder.open(sample.media[0], seed=0)
        except UNREADABLE:
            return None  # its batch is empty as well, and the sample is named as broken
        return sheet_picture(clip, heading=False, cell_width=_CELL_WIDTH)


def _lines(facts: dict[str, Any]) -> list[str]:
    return [
        f"asked: {facts['question'] or 'for a description'}",
        f"wanted: {facts['wanted']}",
        f"answered after step {facts['step']}: {facts['answer']}",
    ]


def _drawn(shown: Sequence[_Shown]) -> Image.Image:
    """All samples in one picture, one below the other."""
    font = ImageFont.load_default(_TEXT)
    rows = []
    for each in shown:
        lines = [part for line in _lines(each.facts) for part in textwrap.wrap(line, _COLUMNS)]
        above = 0 if each.picture is None else each.picture.height
        width = max(560, 0 if each.picture is None else each.picture.width)
        row = Image.new("RGB", (width, above + len(lines) * _LINE + _MARGIN), "#ffffff")
        if each.picture is not None:
            row.paste(each.picture, (0, 0))
        for number, line in enumerate(lines):
            place = (_MARGIN, above + number * _LINE)
            ImageDraw.Draw(row).text(place, line, "#1f2328", font)
        rows.append(row)
    sheet = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), "#ffffff")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet
