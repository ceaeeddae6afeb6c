"""Options that several verbs share, so that they read and behave the same everywhere."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Sampling(StrEnum):
    """How frames are chosen."""

    UNIFORM = "uniform"
    SCENES = "scenes"


ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="REF",
        help="Model folder or hub name; the built-in model if absent.",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps.", show_default=True)
]
DtypeOption = Annotated[
    str,
    typer.Option(
        "--dtype", help="auto, float32, bfloat16, float16, int8, 8-bit, 4-bit.", show_default=True
    ),
]
CompileOption = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the decoder for a card: a minute or two now, less for every token later.",
    ),
]
FramesOption = Annotated[
    int | None,
    typer.Option("--frames", min=1, help="Frames to look at. (8 if absent)"),
]
SegmentFramesOption = Annotated[
    int | None,
    typer.Option("--frames", min=1, help="Frames to look at in each segment. (8 if absent)"),
]
FpsOption = Annotated[
    float | None, typer.Option("--fps", help="Frames to look at per second, instead of --frames.")
]
SamplingOption = Annotated[
    Sampling,
    typer.Option(
        "--sampling", help="uniform: evenly spread frames; scenes: some from every scene."
    ),
]
StartOption = Annotated[
    float | None, typer.Option("--start", metavar="SECONDS", help="Ignore what comes before.")
]
EndOption = Annotated[
    float | None, typer.Option("--end", metavar="SECONDS", help="Ignore what comes after.")
]
MaxNewTokensOption = Annotated[
    int, typer.Option("--max-new-tokens", min=1, help="Longest answer, in tokens.")
]
SampleOption = Annotated[
    bool,
    typer.Option("--sample", help="Draw words at random instead of the likeliest (see --seed)."),
]
BeamsOption = Annotated[
    int | None,
    typer.Option(
        "--beams",
        min=1,
        help="Follow so many beginnings of an answer at once; 1 is greedy. (1; caption 3)",
    ),
]
TemperatureOption = Annotated[
    float | None,
    typer.Option("--temperature", help="Sample; higher is freer. (1.0 if absent)"),
]
TopPOption = Annotated[
    float | None,
    typer.Option("--top-p", help="Sample from the likeliest words up to this sum. (0.9 if absent)"),
]
SeedOption = Annotated[
    int | None,
    typer.Option("--seed", help="Sample with this seed; the same seed, the same answer."),
]
NoCacheOption = Annotated[
    bool,
    typer.Option("--no-cache", help="Encode the files anew, and keep nothing of them on disk."),
]
WrittenLanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language",
        metavar="CODE",
        help="Language that the model writes: en, zh. (the command's, if the model knows it)",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write JSON lines here.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results.")]
GuardOption = Annotated[
    str | None,
    typer.Option(
        "--guard",
        metavar="REF",
        help="A guard model (Llama Guard's kind) that reads questions and answers first.",
    ),
]
NoRulesOption = Annotated[
    bool,
    typer.Option("--no-rules", help="Leave the built-in rules for questions out; docs/safety.md."),
]
DatabaseOption = Annotated[
    Path,
    typer.Option("--db", metavar="DIR", help="Folder of the library.", show_default=False),
]
