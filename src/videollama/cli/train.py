"""`videollama train`: run a training recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.terminal import notes, padded, right_aligned

if TYPE_CHECKING:
    from videollama.training.planned_run import PlannedRun
    from videollama.training.planned_time import PlannedTime


def train(
    recipe: Annotated[
        Path,
        typer.Argument(metavar="RECIPE", help="YAML file, as in recipes/.", show_default=False),
    ],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with the data folders.")
    ] = Path("data"),
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The run's folder. [default: runs/RECIPE]"),
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value, as section.key=value."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the run's folder.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only tell what would be trained, on what, and what it takes."
        ),
    ] = False,
    peak_tflops: Annotated[
        float | None,
        typer.Option(
            "--peak-tflops",
            metavar="NUMBER",
            min=0.001,
            help="With --dry-run: peak of another device, in TFLOP/s. [default: measure this one]",
        ),
    ] = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Train any model on your own files, or the parts of the default model.

    What the frozen encoders give is computed once and kept. A run can be stopped at any time; with
    --resume it goes on exactly as if it had not been.

    Examples:

        videollama train recipes/finetune.yaml --data my-data/ --dry-run

        videollama train recipes/finetune.yaml --data my-data/

        torchrun --nproc_per_node 2 --no-python videollama train RECIPE --data my-data/

        videollama train recipes/tiny_sound.yaml --data data/

        videollama train recipes/tiny_instruct.yaml --set training.max_minutes=30 --resume
    """
    import json
    import sys
    from contextlib import redirect_stdout

    from videollama.training.recipe_file import load_recipe

    loaded = load_recipe(recipe, override or ())
    # Only the result goes to standard output; Trackio prints, and transformers on W&B's behalf.
    if dry_run:
        with redirect_stdout(sys.stderr):
            from videollama.training.plan import plan_run

            plan = plan_run(loaded, data, with_time=True, peak_tflops=peak_tflops)
        print(json.dumps(plan.to_dict(), indent=2) if as_json else "\n".join(as_lines(plan)))
        return
    folder = out or Path("runs") / recipe.stem
    console = notes()

    def report(line: str) -> None:
        if not quiet:
            console.print(explain(line), markup=False)

    with redirect_stdout(sys.stderr):
        from videollama.training.processes import is_first_process
        from videollama.training.run import train as run_recipe

        finished = run_recipe(loaded, data, folder, resume=resume, report=report)
    if not is_first_process():
        return
    result = {
        "steps": finished.steps,
        "weights": str(finished.weights),
        "model": None if finished.model is None else str(finished.model),
        "broken_samples": finished.num_broken,
    }
    if as_json:
        print(json.dumps(result))
        return
    done = say("{done} of {total} steps: {weights}")
    print(done.format(done=finished.steps, total=finished.max_steps, weights=finished.weights))
    if finished.model is not None:
        whole = say('The model is whole; try: videollama ask CLIP "What happens?" -m {}')
        print(whole.format(finished.model))


def as_lines(plan: "PlannedRun") -> list[str]:
    """A plan, for people."""
    trained = f"  {say('trained')}"
    lines = [
        f"{padded(say('part'), 28)}{right_aligned(say('parameters'), 16)}",
        *(f"{p.name:<28}{p.parameters:>16,}{trained if p.trained else ''}" for p in plan.parts),
        _count(say("trained"), plan.trained_parameters),
        "",
    ]
    for name, count in plan.samples.items():
        share = say("  {:.1%} of what is learned").format(plan.weights.get(name, 0.0))
        label = say("samples: {}").format(explain(name))
        lines.append(_count(label, count, share if name in plan.weights else ""))
    if plan.broken:
        first, why = next(iter(plan.broken.items()))
        lines.append(_count(say("broken entries"), len(plan.broken), f"  {first}: {explain(why)}"))
    seen = say("  {:,} samples").format(plan.samples_seen)
    epochs = "" if plan.epochs is None else say(", {:.1f} epochs").format(plan.epochs)
    lines += [_count(say("steps"), plan.steps, f"{seen}{epochs}"), ""]
    sizes = {**plan.memory_bytes, "all": sum(plan.memory_bytes.values())}
    for what, size in sizes.items():
        label = say("memory: {}").format(say(what))
        lines.append(f"{padded(label, 36)}{size / 1e9:>8.1f} GB")
    if plan.memory_savings:
        lines.append(say("if that is too much:"))
    lines += [f"  {explain(str(saving))}" for saving in plan.memory_savings[:2]]
    return lines if plan.time is None else [*lines, "", *_times(plan.time)]


def _times(time: "PlannedTime") -> list[str]:
    """How long it takes, and where that comes from."""
    encoding, training = _duration(time.encoding_seconds), _duration(time.training_seconds)
    each = say("  {} each").format(_duration(time.step_seconds))
    return [
        f"{padded(say('time: frozen encoders'), 36)}{right_aligned(encoding, 11)}",
        f"{padded(say('time: steps'), 36)}{right_aligned(training, 11)}{each}",
        say("{}; an estimate, which may be half or double").format(explain(time.basis)),
    ]


def _count(label: str, count: int, remark: str = "") -> str:
    return f"{padded(label, 28)}{count:>16,}{remark}"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return say(f"{{:.1f}} {unit}").format(seconds / length)
    return say("{:.2g} s").format(seconds)
