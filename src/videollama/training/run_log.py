"""What a run writes down: one JSON line per step, and a plain line now and then for people."""

import json
import math
import time
from collections import deque
from pathlib import Path

from videollama.checkpoints.atomic_output import append_line, new_file
from videollama.training.feature_cache import Report


class RunLog:
    """The log of a run.

    Args:
        file: JSON lines; each has `step` and `kind` ("train" or "validation").
        report: Told the plain lines.
        every: Steps between plain lines.
        total: Steps of the whole run.
    """

    def __init__(self, file: Path, report: Report, *, every: int, total: int) -> None:
        self._file, self._report, self._every, self._total = file, report, every, total
        self._recent: deque[dict[str, float]] = deque(maxlen=every)
        self._start = time.monotonic()

    def forget_after(self, step: int) -> None:
        """Drop lines of later steps: they are trained again after a resume."""
        if not self._file.exists():
            return
        kept = []
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # the process was killed while writing it
                continue
            if entry["step"] <= step:
                kept.append(line)
        with new_file(self._file) as draft:
            draft.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def step(self, step: int, numbers: dict[str, float], settings: dict[str, float]) -> None:
        """Note a step of training.

        Args:
            step: Its number.
            numbers: What the objective says of it.
            settings: What it was done with, such as the learning rate; not in the plain lines.
        """
        self._write({"kind": "train", "step": step, **numbers, **settings})
        self._recent.append(numbers)
        if step % self._every == 0 or step in (1, 5, self._total):
            noted: dict[str, list[float]] = {}  # not every batch has every number
            for recent in self._recent:
                for name, number in recent.items():
                    noted.setdefault(name, []).append(number)
            means = {name: sum(values) / len(values) for name, values in noted.items()}
            seconds = time.monotonic() - self._start
            self._report(f"step {step} of {self._total}: {_shown(means)}, {seconds:.0f} s")

    def validation(self, step: int, numbers: dict[str, float]) -> None:
        """Note the results on validation data."""
        self._write({"kind": "validation", "step": step, **numbers})
        self._report(f"validation after step {step}: {_shown(numbers)}")

    def _write(self, entry: dict[str, object]) -> None:
        append_line(self._file, json.dumps(entry))


def _shown(numbers: dict[str, float]) -> str:
    return ", ".join(
        f"{name} {value:.4f}" if math.isfinite(value) else f"{name} {value}"
        for name, value in numbers.items()
    )
