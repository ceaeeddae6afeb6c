"""`videollama features`: what the frozen encoders give for training files, computed beforehand."""

import json
from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.terminal import notes
from videollama.errors import InputError

app = typer.Typer(
    help="""Compute beforehand what the frozen encoders give for training files.

    Examples:

        videollama features build recipes/finetune.yaml --data my-data/
    """,
    no_args_is_help=True,
)


@app.callback()
def _features() -> None:
    pass


@app.command("build")
def build(
    recipe: Annotated[
        Path,
        typer.Argument(metavar="RECIPE", help="Recipe of stage finetune.", show_default=False),
    ],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder with the data folders.")
    ] = Path("data"),
    part: Annotated[
        str,
        typer.Option(
            "--part", metavar="N/ALL", help="Only every ALL-th file, from the N-th on: 2/4."
        ),
    ] = "1/1",
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value, as section.key=value."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Encode a few files, and tell what all of them take."),
    ] = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Encode every file of a recipe once and keep the result, as `train` would before its steps.

    Size and time are told when eight files have been encoded. A build that is stopped, however
    roughly, goes on where it was. Several processes, or machines with one file system, can build
    parts. The exit code is 2 if more files than the recipe's data.max_broken are unusable.

    Examples:

        videollama features build recipes/finetune.yaml --data my-data/ --dry-run

        videollama features build recipes/finetune.yaml --data my-data/ --part 2/4
    """
    numbers = _part(part)
    from videollama.training.finetune_recipe import FinetuneRecipe
    from videollama.training.finetuning.feature_build import build_features
    from videollama.training.recipe_file import load_recipe

    loaded = load_recipe(recipe, override or ())
    if not isinstance(loaded, FinetuneRecipe):
        raise InputError(
            f"{recipe} is of the stage {loaded.stage}, which fills its cache by itself; name a "
            "recipe of the stage finetune."
        )
    console = notes()

    def report(line: str) -> None:
        if not quiet:
            console.print(explain(line), markup=False)

    built = build_features(loaded, data, part=numbers, measure_only=dry_run, report=report)
    if as_json:
        print(json.dumps(built.to_dict(), ensure_ascii=False, indent=2))
        return
    for file, reason in built.broken.items():
        told = say("broken: {file}: {reason}").format(file=file.path, reason=explain(reason))
        console.print(told, style="yellow", markup=False)
    result = say(
        "{files} files, {kept} kept before; the others take about {size:.2f} GB and "
        "{minutes:.1f} min, {new} of them are kept now."
        if dry_run
        else "{folder}: {all_kept} of {files} files are kept, {new} of them new; {broken} are "
        "broken."
    )
    print(
        result.format(
            folder=built.folder,
            files=built.files,
            kept=built.kept,
            all_kept=built.kept + built.encoded,
            new=built.encoded,
            broken=len(built.broken),
            size=built.estimated_bytes / 1e9,
            minutes=built.estimated_seconds / 60,
        )
    )


def _part(text: str) -> tuple[int, int]:
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return int(number), int(of)
    raise InputError(f"--part is {text!r}, which is no part of a whole; write 2/4.")
