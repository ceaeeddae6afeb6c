"""`videollama train`: run a training recipe."""

from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.terminal import notes


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
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Train the parts of the default model, one recipe per stage.

    What the frozen encoders give is computed once and kept. A run can be stopped at any time; with
    --resume it goes on exactly as if it had not been.

    Examples:

        videollama train recipes/tiny_sound.yaml --data data/

        videollama train recipes/tiny_instruct.yaml --set training.max_minutes=30 --resume
    """
    import json

    from videollama.training.recipe_file import load_recipe
    from videollama.training.run import train as run_recipe

    loaded = load_recipe(recipe, override or ())
    folder = out or Path("runs") / recipe.stem
    console = notes()

    def report(line: str) -> None:
        if not quiet:
            console.print(line, markup=False)

    finished = run_recipe(loaded, data, folder, resume=resume, report=report)
    result = {
        "steps": finished.steps,
        "weights": str(finished.weights),
        "model": None if finished.model is None else str(finished.model),
        "broken_samples": finished.num_broken,
    }
    if as_json:
        print(json.dumps(result))
        return
    print(f"{finished.steps} of {loaded.training.max_steps} steps: {finished.weights}")
    if finished.model is not None:
        print(f'The model is whole; try: videollama ask CLIP "What happens?" -m {finished.model}')
