"""`videollama doctor`: what this machine has, and what is missing for an answer."""

import json
import os
import platform
import shutil
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videollama import __version__
from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.terminal import notes, padded, right_aligned
from videollama.errors import InputError

if TYPE_CHECKING:
    from videollama.checkpoints.memory_estimate import MemoryEstimate

# Installed beside the CPU build of torch, these break `import transformers` or need CUDA libraries.
TROUBLEMAKERS = ("torchvision", "torchaudio", "torchcodec", "timm")
PACKAGES = ("torch", "transformers", "av", "numpy", "accelerate", "safetensors")
NEEDED_BYTES = 1_500_000_000
_ABOUT_THE_ESTIMATE = (
    "8-bit, 4-bit (--dtype): the decoder's linear layers; all the rest is bfloat16.",
    "Not counted: what a pass holds in between, and the libraries themselves.",
)


def doctor(
    clear_cache: Annotated[
        bool, typer.Option("--clear-cache", help="First remove all that is kept of encoded files.")
    ] = False,
    estimate: Annotated[
        str | None,
        typer.Option(
            "--estimate",
            metavar="MODEL",
            help="Only compute the memory that a model needs: tiny, 7B, 13B, a released name or a "
            "folder.",
            show_default=False,
        ),
    ] = None,
    context: Annotated[
        int | None,
        typer.Option(
            "--context",
            min=1,
            metavar="TOKENS",
            help="Length of the conversation for --estimate. (the longest if absent)",
            show_default=False,
        ),
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Check the installation and say what to do where something is missing.

    The exit code is 2 if something stands in the way of an answer.

    Examples:

        videollama doctor

        videollama doctor --json

        videollama doctor --clear-cache

        videollama doctor --estimate 7B --context 1000
    """
    if estimate is not None:
        _print_estimate(estimate, context, as_json=as_json)
        return
    if context is not None:
        raise InputError("--context is for --estimate MODEL; name the model.")
    if clear_cache:
        from videollama.inference.media_store import MediaStore

        MediaStore().clear()
    report = examine()
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        for name, value in report.items():
            if name != "problems":
                print(f"{right_aligned(say(name), 16)}  {explain(str(value))}")
        for problem in report["problems"]:
            notes().print(explain(problem), style="red", markup=False)
        if not report["problems"]:
            print(say("Everything an answer needs is here."))
    if report["problems"]:
        raise typer.Exit(2)


def _print_estimate(model: str, context: int | None, *, as_json: bool) -> None:
    from videollama.checkpoints.memory_estimate import estimate_memory

    found = estimate_memory(model, context)
    if as_json:
        totals = {precision: found.total_bytes(precision) for precision in found.bytes}
        print(json.dumps({**asdict(found), "total_bytes": totals}, indent=2))
    else:
        print("\n".join(estimate_lines(found)))


def estimate_lines(found: "MemoryEstimate") -> list[str]:
    """The estimate for people, in GB of 10^9 bytes."""
    rows = {
        "picture": say("picture"),
        "sound": say("sound"),
        "decoder": say("decoder"),
        "cache": say("cache of {} tokens").format(found.context_tokens),
    }
    head = f"{'GB':<22}{right_aligned(say('weights'), 10)}"
    lines = [head + "".join(f"{each:>10}" for each in found.bytes)]
    for part, label in rows.items():
        count = found.parameters.get(part)  # type: ignore[call-overload]
        weights = "" if count is None else f"{count / 1e6:.0f} M"
        sizes = "".join(f"{each[part] / 1e9:>10.2f}" for each in found.bytes.values())  # type: ignore[index]
        lines.append(f"{padded(label, 22)}{weights:>10}{sizes}")
    weights = f"{sum(found.parameters.values()) / 1e6:.0f} M"
    totals = "".join(f"{found.total_bytes(each) / 1e9:>10.2f}" for each in found.bytes)
    lines.append(f"{padded(say('together'), 22)}{weights:>10}{totals}")
    lines += map(say, _ABOUT_THE_ESTIMATE)
    return lines


def examine() -> dict[str, Any]:
    """The facts about this machine and a list of `problems`, each one sentence with its remedy."""
    import torch

    from videollama.checkpoints.cache import cache_folder
    from videollama.checkpoints.pull import missing_parts
    from videollama.inference.media_store import MediaStore

    packages = {name: _version_of(name) for name in PACKAGES}
    missing = missing_parts()
    media = MediaStore()
    place = _first_existing(cache_folder())
    free_bytes = shutil.disk_usage(place).free
    problems = [
        f"The package {name} is missing; run: pip install videollama"
        for name, found in packages.items()
        if found is None
    ]
    problems += _troublemaking_packages()
    if missing:
        problems.append(f"The built-in model lacks {' and '.join(missing)}; run: videollama pull")
        if free_bytes < NEEDED_BYTES:
            problems.append(
                f"Only {free_bytes / 1e9:.1f} GB are free for {cache_folder()}; "
                f"free some space, or set VIDEOLLAMA_CACHE to a place with {NEEDED_BYTES / 1e9} GB."
            )
        if not place.is_dir() or not os.access(place, os.W_OK):
            problems.append(
                f"{cache_folder()} cannot be written; set VIDEOLLAMA_CACHE to another folder."
            )
    return {
        "videollama": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        **packages,
        "device": _best_device(torch),
        "cache": str(cache_folder()),
        "media_cache": str(media.folder),
        "media_cache_mb": round(media.num_bytes / 1e6, 1),
        "free_gb": round(free_bytes / 1e9, 1),
        "built_in_model": "complete" if not missing else f"lacks {', '.join(missing)}",
        "problems": problems,
    }


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _troublemaking_packages() -> list[str]:
    if not (_version_of("torch") or "").endswith("+cpu"):
        return []
    return [
        f"{name} {found} is built for another torch than the CPU build that is installed; "
        f"run: pip uninstall {name}"
        for name in TROUBLEMAKERS
        if (found := _version_of(name)) is not None and not found.endswith("+cpu")
    ]


def _best_device(torch: Any) -> str:
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _first_existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
