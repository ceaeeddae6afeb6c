"""`videollama train`: run a training recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.terminal import notes

if TYPE_CHECKING:
    from videollama.training.planned_run import PlannedRun


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

    from videollama.training.recipe_file import load_recipe

    loaded = load_recipe(recipe, override or ())
    if dry_run:
        from videollama.training.plan import plan_run

        plan = plan_run(loaded, data, with_time=True, peak_tflops=peak_tflops)
        print(json.dumps(plan.to_dict(), indent=2) if as_json else "\n".join(as_lines(plan)))
        return
    from videollama.training.processes import is_first_process
    from videollama.training.run import train as run_recipe

    folder = out or Path("runs") / recipe.stem
    console = notes()

    def report(line: str) -> None:
        if not quiet:
            console.print(line, markup=False)

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
    print(f"{finished.steps} of {finished.max_steps} steps: {finished.weights}")
    if finished.model is not None:
        print(f'The model is whole; try: videollama ask CLIP "What happens?" -m {finished.model}')


def as_lines(plan: "PlannedRun") -> list[str]:
    """A plan, for people."""
    lines = [
        f"{'part':<28}{'parameters':>16}",
        *(f"{p.name:<28}{p.parameters:>16,}{'  trained' if p.trained else ''}" for p in plan.parts),
    ]
    lines += [f"{'trained':<28}{plan.trained_parameters:>16,}", ""]
    for name, count in plan.samples.items():
        share = f"  {plan.weights[name]:.1%} of what is learned" if name in plan.weights else ""
        lines.append(f"{f'samples: {name}':<28}{count:>16,}{share}")
    if plan.broken:
        first, why = next(iter(plan.broken.items()))
        lines.append(f"{'broken entries':<28}{len(plan.broken):>16,}  {first}: {why}")
    epochs = "" if plan.epochs is None else f", {plan.epochs:.1f} epochs"
    lines.append(f"{'steps':<28}{plan.steps:>16,}  {plan.samples_seen:,} samples{epochs}")
    lines.append("")
    for what, size in plan.memory_bytes.items():
        lines.append(f"{f'memory: {what}':<36}{size / 1e9:>8.1f} GB")
    total = sum(plan.memory_bytes.values())
    lines.append(f"{'memory: all':<36}{total / 1e9:>8.1f} GB")
    if plan.memory_savings:
        lines.append("if that is too much:")
    lines += [f"  {saving}" for saving in plan.memory_savings[:2]]
    if plan.time is not None:
        lines += [
            "",
            f"{'time: frozen encoders':<36}{_duration(plan.time.encoding_seconds):>11}",
            f"{'time: steps':<36}{_duration(plan.time.training_seconds):>11}"
            f"  {_duration(plan.time.step_seconds)} each",
            f"{plan.time.basis}; an estimate, which may be half or double",
        ]
    return lines


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.2g} s"
