"""Where a run's numbers and samples go beside its folder: TensorBoard, W&B, Trackio.

transformers' callbacks write the numbers. Here is what they leave to others: one run of the tracker
for each run's folder, with the folder's name, which goes on with `--resume` and ends with ours; and
the answers that are shown.

RUN/tracker.json      by which W&B and Trackio know the run
RUN/tensorboard/      TensorBoard's files
RUN/wandb/            W&B's files, until `wandb sync` where it is offline
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from PIL import Image
from transformers import TrainerCallback
from transformers.integrations.integration_utils import (
    TensorBoardCallback,
    TrackioCallback,
    WandbCallback,
)

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import RecipeError
from videollama.training.processes import is_first_process

PROJECT = "videollama"
_STEP = "train/global_step"  # the axis of transformers' numbers
_TRACKER_FILE = "tracker.json"


def check_trackers(names: Sequence[str]) -> None:
    """Make sure that what `training.report_to` names is there.

    Raises:
        RecipeError: It is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise RecipeError(
                f"training.report_to names {name}, which is not installed; run "
                f"`pip install 'videollama[{name}]'`, or leave it out."
            )


def tracked_name(folder: Path) -> str:
    """The run's name for trackers, the same whenever it goes on; made by the first process."""
    file = folder / _TRACKER_FILE
    if is_first_process() and not file.exists():
        with new_file(file) as draft:
            draft.write_text(json.dumps({"id": uuid4().hex[:8]}), encoding="utf-8")
    identity = json.loads(file.read_text(encoding="utf-8"))["id"] if file.exists() else ""
    return f"{folder.resolve().name}-{identity}"


@contextmanager
def tracking(names: Sequence[str], folder: Path) -> Iterator[None]:
    """Begin what the callbacks do not begin well, and end what they leave open.

    Args:
        names: The recipe's `training.report_to`.
        folder: The run's.

    Raises:
        RecipeError: W&B has no key, or cannot be reached.
    """
    is_ours = "wandb" in names and is_first_process() and _begin_wandb(folder)
    failed = True
    try:
        yield
        failed = False
    finally:
        if is_ours:
            import wandb

            wandb.finish(exit_code=int(failed))
        if "trackio" in names and is_first_process():
            import trackio

            with suppress(RuntimeError):  # its callback has ended the run, or none has begun
                trackio.finish()


def show_answers(
    callbacks: Sequence[TrainerCallback],
    picture: Image.Image,
    answers: Sequence[dict[str, Any]],
    step: int,
) -> None:
    """Show what the model answers in the trackers too.

    Args:
        callbacks: The trainer's.
        picture: Frames, questions and answers.
        answers: The same without frames, with the keys of `answers.jsonl`.
        step: After which they were given.
    """
    for callback in callbacks:
        if isinstance(callback, TensorBoardCallback):
            pixels, text = np.asarray(picture), "\n\n".join(each["answer"] for each in answers)
            callback.tb_writer.add_image("samples", pixels, step, dataformats="HWC")
            callback.tb_writer.add_text("samples", text, step)
        elif isinstance(callback, WandbCallback):
            import wandb

            rows = [list(each.values()) for each in answers]
            table = wandb.Table(columns=list(answers[0]), data=rows)
            wandb.log({"samples": wandb.Image(picture), "answers": table, _STEP: step})
        elif isinstance(callback, TrackioCallback):
            import pandas
            import trackio

            rows = trackio.Table(dataframe=pandas.DataFrame(answers))
            trackio.log({"samples": trackio.Image(picture), "answers": rows, _STEP: step})


def _begin_wandb(folder: Path) -> bool:
    """Gives whether a run was begun: who has begun one by themselves keeps it."""
    import wandb

    if wandb.run is not None:
        return False
    name = tracked_name(folder)
    try:
        wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=os.environ.get("WANDB_NAME", name),
            id=name,
            resume="allow",
            dir=os.environ.get("WANDB_DIR", str(folder)),
        )
    except wandb.Error as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RecipeError(
            f"W&B does not begin: {reason}. Set WANDB_MODE=offline to keep its files in "
            f"{folder / 'wandb'}, or leave wandb out of training.report_to."
        ) from error
    return True
