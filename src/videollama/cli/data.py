"""`videollama data`: check training data in any of the known formats, and convert them into one."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videollama.cli import options
from videollama.cli.data_report import as_lines
from videollama.cli.language import explain, say
from videollama.cli.terminal import notes
from videollama.errors import DataError, InputError

if TYPE_CHECKING:
    from videollama.training.broken_samples import BrokenSamples

app = typer.Typer(
    help="""Check training data, and convert them into one form.

    Examples:

        videollama data check webvid/

        videollama data convert webvid/ webvid.jsonl

        videollama data pack webvid/ shards/
    """,
    no_args_is_help=True,
)

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LOG_EVERY_SECONDS = 30.0

SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="Folder with annotations, or one such file.", show_default=False
    ),
]
MediaOption = Annotated[
    Path | None,
    typer.Option("--media", metavar="DIR", help="Folder with the media. [default: DATA's]"),
]
MaxBrokenOption = Annotated[
    int, typer.Option("--max-broken", min=0, help="So many samples may be unusable.")
]


@app.command("check")
def check_data(
    data: SourceArgument,
    media: MediaOption = None,
    decode: Annotated[
        bool,
        typer.Option("--decode", help="Also decode some frames and the sound of every file."),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="DIR",
            help="Count tokens of this model or decoder. [default: the built-in one, else words]",
        ),
    ] = None,
    max_broken: MaxBrokenOption = 20,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Read training data to the end, look at every file they name, and tell what is wrong.

    Counts samples, broken ones and missing media; tells durations, lengths of texts, repeated
    questions, equal files, and media that stand in two splits. The exit code is 2 if more samples
    than --max-broken are unusable.

    Examples:

        videollama data check webvid/ --max-broken 1000

        videollama data check llava_instruct_150k.json --media coco/

        videollama data check my-data/ --decode --json
    """
    from videollama.checkpoints.tokenizers import find_tokenizer
    from videollama.training.datasets.check import check
    from videollama.training.datasets.source import open_source

    tokenizer = find_tokenizer(model)

    def count_length(text: str) -> int:
        if tokenizer is None:
            return len(text.split())
        return len(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)

    source = open_source(data, media)
    with _progress(quiet=quiet) as progress:
        report = check(
            source,
            count_length=count_length,
            length_unit="words" if tokenizer is None else "tokens",
            decode=decode,
            progress=progress,
        )
    if as_json:
        print(json.dumps({"data": str(data), **report.to_dict()}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(as_lines(report)))
    if report.num_unusable > max_broken:
        raise DataError(
            f"{report.num_unusable} samples cannot be used, more than --max-broken={max_broken}; "
            "mend or remove them, or raise the limit."
        )


@app.command("convert")
def convert_data(
    data: SourceArgument,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="A new .jsonl file.", show_default=False)
    ],
    media: MediaOption = None,
    max_broken: MaxBrokenOption = 20,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Write training data of any known format as JSON lines of conversations.

    Samples that are broken, or whose media are missing, are named and left out.

    Examples:

        videollama data convert LLaVA-CC3M-Pretrain-595K/ cc3m.jsonl

        videollama data convert webvid/ webvid.jsonl --max-broken 1000
    """
    from videollama.training.broken_samples import BrokenSamples
    from videollama.training.datasets.conversion import write_conversations
    from videollama.training.datasets.source import open_source

    broken = BrokenSamples(max_broken, "--max-broken")
    source = open_source(data, media)
    with _progress(quiet=quiet) as progress:
        written = write_conversations(
            source, out, broken=broken, progress=lambda done: progress("samples written", done)
        )
    if as_json:
        result = {"path": str(out), "samples": written, "broken_samples": broken.reasons}
        print(json.dumps(result, ensure_ascii=False, indent=2))
        return
    left_out = _left_out(broken)
    told = say("{out}: {count} samples of {format}{left_out}.")
    name = source.files[0].format.name
    print(told.format(out=out, count=written, format=name, left_out=left_out))


@app.command("pack")
def pack_data(
    data: SourceArgument,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder of the shards.", show_default=False)
    ],
    shard_size: Annotated[
        str,
        typer.Option("--shard-size", metavar="SIZE", help="Of a shard at most: 500MB, 1GB."),
    ] = "1GB",
    media: MediaOption = None,
    max_broken: MaxBrokenOption = 20,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Pack training data of any known format into WebDataset shards, media and texts together.

    OUT gets shard-000000.tar, shard-000001.tar, …; training and checking read them as they are.
    Samples that are broken, or whose media are missing, are named and left out. The same command
    goes on where it was stopped; the same data give the same bytes.

    Examples:

        videollama data pack webvid/ shards/ --shard-size 500MB --max-broken 1000

        videollama data check shards/
    """
    shard_bytes = _num_bytes(shard_size)
    from videollama.training.broken_samples import BrokenSamples
    from videollama.training.datasets.packing import pack_shards
    from videollama.training.datasets.source import open_source

    broken = BrokenSamples(max_broken, "--max-broken")
    source = open_source(data, media)
    with _progress(quiet=quiet) as progress:
        packed = pack_shards(
            source,
            out,
            shard_bytes=shard_bytes,
            broken=broken,
            progress=lambda done: progress("samples packed", done),
        )
    if as_json:
        result = {"path": str(out), **asdict(packed), "broken_samples": broken.reasons}
        print(json.dumps(result, ensure_ascii=False, indent=2))
        return
    left_out = _left_out(broken)
    kept = say(", {} of them there before").format(packed.kept) if packed.kept else ""
    word = "shard" if packed.shards == 1 else "shards"
    told = say(
        f"{{out}}: {{samples}} samples in {{shards}} {word}{{kept}}, {{mb:.1f}} MB{{left_out}}."
    )
    facts = {"samples": packed.samples, "shards": packed.shards, "mb": packed.num_bytes / 1e6}
    print(told.format(out=out, kept=kept, left_out=left_out, **facts))


def _left_out(broken: "BrokenSamples") -> str:
    """Names the samples that were left out, and tells how many they are."""
    for origin, reason in broken.reasons.items():
        told = say("left out: {origin}: {reason}")
        line = told.format(origin=origin, reason=explain(reason))
        notes().print(line, style="yellow", markup=False)
    return say(", {} left out").format(len(broken.reasons)) if broken.reasons else ""


def _num_bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", text.strip())
    number = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if number < 1:
        raise InputError(f"--shard-size is {text!r}, which is no size; write 500MB or 1GB.")
    return int(number)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """A counter on a terminal, a line now and then in a log."""
    console = notes()
    if quiet:
        yield lambda what, done: None
    elif console.is_terminal:
        with console.status("") as status:
            yield _now_and_then(0.1, lambda line: status.update(line))
    else:
        yield _now_and_then(_LOG_EVERY_SECONDS, lambda line: console.print(line))


def _now_and_then(every_seconds: float, show: Callable[[str], Any]) -> Callable[[str, int], None]:
    last = time.monotonic()

    def progress(what: str, done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every_seconds:
            last = now
            show(say(f"{{}} {what}").format(done))

    return progress
