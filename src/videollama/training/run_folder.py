"""A run's folder: what was run, with which code, on how many samples, and what came out.

RUN/recipe.yaml            the resolved recipe
RUN/run.json               code version, batches of a step, counts of samples, broken samples
RUN/log.jsonl              one line per step
RUN/checkpoint-STEP/       the latest ones
RUN/weights.safetensors    float32: what this run and those before it trained
RUN/model/                 float16, ready to load; once every part is trained
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from videollama import __version__
from videollama.checkpoints.atomic_output import new_file, writing_to
from videollama.errors import OutputError, RecipeError
from videollama.training.checkpointing import checkpoints
from videollama.training.recipe import AnyRecipe
from videollama.training.recipe_file import check_recipe

_MAY_CHANGE = {
    *("max_minutes", "log_every", "save_every", "keep_checkpoints"),
    *("report_to", "sample_every", "samples_shown", "fsdp"),
}


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a run's folder; the processes of one training share it.

    Raises:
        OutputError: Another process trains there, or the folder cannot be made.
    """
    from filelock import FileLock, Timeout

    if os.environ.get("RANK", "0") != "0":  # set by torchrun; its first process holds the folder
        yield
        return
    lock = FileLock(folder / ".lock")
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise OutputError(
                f"Another process trains in {folder}; wait for its end, or choose another --out."
            ) from None
    try:
        yield
    finally:
        lock.release()


def open_run(folder: Path, recipe: AnyRecipe, *, resume: bool) -> Path | None:
    """Begin a run in a folder, or find the checkpoint to go on from.

    Args:
        folder: The run's folder, which this process is `holding`.
        recipe: The resolved recipe.
        resume: Go on with the run that is there; without one, begin.

    Returns:
        The last checkpoint, or None to begin.

    Raises:
        OutputError: Another run is there already, or the folder cannot be made.
        RecipeError: The run that is there has another recipe; the first difference is named.
    """
    file = folder / "recipe.yaml"
    begun = (folder / "run.json").exists()  # not if the data were missing, say
    if begun and not resume:
        raise OutputError(
            f"{folder} holds a run already; go on with --resume, or choose another --out."
        )
    if begun:
        earlier = check_recipe(yaml.safe_load(file.read_text(encoding="utf-8")), str(file))
        if difference := _difference(_lasting(earlier), _lasting(recipe)):
            raise RecipeError(
                f"{folder} was begun with another recipe: {difference}; "
                "use the same, or choose another --out."
            )
    with writing_to(folder):
        shutil.rmtree(folder / ".draft", ignore_errors=True)
        with new_file(file) as draft:
            text = yaml.safe_dump(recipe.model_dump(), sort_keys=False)
            draft.write_text(text, encoding="utf-8")
    found = checkpoints(folder)
    return found[-1] if found else None


def batches_per_step(folder: Path) -> int | None:
    """Batches that a step of the run in a folder takes; None where none has begun."""
    file = folder / "run.json"
    if not file.exists():
        return None
    noted: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return noted.get("batches_per_step")


def note_run(folder: Path, batches: int, counts: dict[str, int], broken: dict[str, str]) -> None:
    """Write down the code version, the batches of a step, and samples counted and broken."""
    content = {
        "code": {"version": __version__, "commit": _commit()},
        "batches_per_step": batches,
        "samples": counts,
        "broken_samples": broken,
    }
    with new_file(folder / "run.json") as draft:
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")


def _lasting(recipe: AnyRecipe) -> dict[str, Any]:
    """What must stay the same when a run goes on."""
    content = recipe.model_dump()
    content["training"] = {k: v for k, v in content["training"].items() if k not in _MAY_CHANGE}
    return content


def _difference(earlier: dict[str, Any], now: dict[str, Any], path: str = "") -> str | None:
    for key in earlier:
        old, new = earlier[key], now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            if found := _difference(old, new, f"{path}{key}."):
                return found
        elif old != new:
            return f"{path}{key} was {old!r} and is now {new!r}"
    return None


def _commit() -> str | None:
    """The commit of the code, where it runs from a checkout."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
