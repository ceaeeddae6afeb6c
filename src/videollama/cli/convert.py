"""`videollama convert`: a released model into a folder of ours, back, or its decoder alone."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from videollama.cli import options
from videollama.cli.language import say


class ConvertTarget(StrEnum):
    """The layout to write."""

    videollama = "videollama"
    original = "original"
    decoder = "decoder"


class WeightType(StrEnum):
    """The number type of the written weights."""

    keep = "keep"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


def convert(
    ref: Annotated[
        str, typer.Argument(metavar="REF", help="Model folder, hub name, .pth file, or tiny.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="A new folder, or a new .pth with --to original.")
    ],
    to: Annotated[
        ConvertTarget,
        typer.Option(
            "--to", help="Whose layout to write; decoder is the language model alone, for vLLM."
        ),
    ] = ConvertTarget.videollama,
    dtype: Annotated[
        WeightType, typer.Option("--dtype", help="Number type of the written weights.")
    ] = WeightType.keep,
    imagebind_vision: Annotated[
        bool,
        typer.Option(
            "--imagebind-vision",
            help="Keep ImageBind's vision trunk, wanted only to train the audio branch.",
        ),
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Write a model as slim safetensors, without optimizer states and unused parts.

    Examples:

        videollama convert Video-LLaMA-2-7B-Finetuned/ my-model/

        videollama convert my-model/ VL_and_AL.pth --to original

        videollama convert my-model/ decoder/ --to decoder
    """
    from videollama.checkpoints.convert import convert as run

    done = run(ref, out, to=to.value, dtype=dtype.value, imagebind_vision=imagebind_vision)
    if as_json:
        print(
            json.dumps(
                {
                    "path": str(done.path),
                    "tensors": done.num_tensors,
                    "parameters": done.num_parameters,
                    "bytes": done.size_bytes,
                }
            )
        )
        return
    told = say("{path}: {tensors} tensors, {millions:.1f} million parameters, {mb:.1f} MB.")
    print(
        told.format(
            path=done.path,
            tensors=done.num_tensors,
            millions=done.num_parameters / 1e6,
            mb=done.size_bytes / 1e6,
        )
    )
