"""Encode files before they are needed: what it takes is told first, and parts can be shared out.

Every file's features are one file that appears whole, so a build can be killed at any time and goes
on where it was, and several processes can build into one folder.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from videollama.errors import DataError, InputError, MediaError, OutputError, RecipeError
from videollama.media.clip import Clip
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.record import Medium as File
from videollama.training.feature_cache import Progress, Report
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.clip_features import ClipEncoder
from videollama.training.finetuning.samples import read_samples
from videollama.training.finetuning.trainable_model import load_encoders

UNREADABLE = (MediaError, InputError, DataError)
"""What opening a file raises when it cannot be used, unlike a full disk."""

_AT_ONCE = 16
_MEASURED = 8


@dataclass
class FeatureBuild:
    """What a build did, or would do.

    Attributes:
        folder: Where the features are.
        files: Files of this part.
        kept: Those that were there before.
        encoded: Those that were encoded now.
        estimated_bytes: What the files that were not there take, from the first ones measured.
        estimated_seconds: How long encoding them takes, likewise.
        broken: What is wrong with the others.
    """

    folder: Path
    files: int
    kept: int
    encoded: int = 0
    estimated_bytes: int = 0
    estimated_seconds: float = 0.0
    broken: dict[File, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = {each.name: getattr(self, each.name) for each in fields(self)}
        broken = {str(file.path): reason for file, reason in self.broken.items()}
        return {**facts, "folder": str(self.folder), "broken": broken}


def build_features(
    recipe: FinetuneRecipe,
    data: Path,
    *,
    part: tuple[int, int] = (1, 1),
    measure_only: bool = False,
    report: Report,
) -> FeatureBuild:
    """Encode and keep all files of a recipe, or every n-th.

    Args:
        recipe: Whose files, and whose encoders.
        data: Below which the sources are.
        part: Number of the part, from 1, and how many there are; each file is in one of them.
        measure_only: Stop when it is known what the build takes.
        report: Told what it takes, and how far it is.

    Raises:
        RecipeError: The recipe keeps no features.
        DataError: The annotations are not usable, or more files are broken than may be.
        OutputError: The cache cannot be written, or has too little room.
    """
    if not recipe.data.keep_features or recipe.samples.frames != "uniform":
        raise RecipeError(
            "The recipe keeps no features, since it draws frames anew or says so; set "
            "data.keep_features=true and samples.frames=uniform."
        )
    samples = read_samples(
        recipe.data, data, seed=recipe.seed, broken=BrokenSamples(recipe.data.max_broken)
    )
    number, of = part
    encoder = ClipEncoder(*load_encoders(recipe), recipe)
    files = samples.media[number - 1 :: of]
    built = keep_missing(files, encoder, report, measure_only=measure_only)
    broken = BrokenSamples(recipe.data.max_broken)
    for file, reason in built.broken.items():
        broken.add(str(file.path), reason)
    return built


def keep_missing(
    files: Sequence[File], encoder: ClipEncoder, report: Report, *, measure_only: bool = False
) -> FeatureBuild:
    """Encode what is not kept yet, opening several files at a time.

    Args:
        files: Each once.
        encoder: Keeps features.
        report: Told what it takes, and how far it is.
        measure_only: Stop when that is known.

    Raises:
        OutputError: The cache cannot be written, or has too little room.
    """
    if encoder.folder is None:
        raise RuntimeError("this encoder keeps nothing")
    todo = [file for file in files if not encoder.is_kept(file)]
    built = FeatureBuild(encoder.folder, len(files), len(files) - len(todo))
    if not todo:
        return built
    step = max(1, len(todo) // _MEASURED)
    measured, rest = todo[::step], [f for place, f in enumerate(todo) if place % step]
    report(f"features: {len(todo)} of {len(files)} files to encode, kept in {encoder.folder}")
    with ThreadPoolExecutor() as pool:
        start = time.monotonic()
        _keep(measured, encoder, pool, built)
        _estimate(built, measured, len(todo), encoder, time.monotonic() - start)
        if rest:
            report(_told(built, len(rest)))
        if measure_only:
            return built
        progress = Progress("features", len(rest), report, "files")
        for some in in_parts(rest):
            _keep(some, encoder, pool, built)
            progress.advance(len(some))
    return built


def in_parts(files: Sequence[File]) -> Iterator[Sequence[File]]:
    """So many files as are opened at once."""
    for first in range(0, len(files), _AT_ONCE):
        yield files[first : first + _AT_ONCE]


def _keep(files: Sequence[File], encoder: ClipEncoder, pool: Executor, built: FeatureBuild) -> None:
    for file, opened in zip(files, pool.map(lambda f: _open(encoder, f), files), strict=True):
        try:
            if isinstance(opened, Clip):
                encoder.keep(opened, file)
                built.encoded += 1
            else:
                built.broken[file] = opened
        except UNREADABLE as error:
            built.broken[file] = str(error).rstrip(".")


def _open(encoder: ClipEncoder, file: File) -> Clip | str:
    """The opened file, or what is wrong with it."""
    try:
        return encoder.open(file, seed=0)
    except UNREADABLE as error:
        return str(error).rstrip(".")


def _estimate(
    built: FeatureBuild,
    measured: Sequence[File],
    missing: int,
    encoder: ClipEncoder,
    seconds: float,
) -> None:
    written = sum(encoder.num_bytes(file) for file in measured if file not in built.broken)
    built.estimated_bytes = written * missing // len(measured)
    built.estimated_seconds = seconds * missing / len(measured)
    needed = built.estimated_bytes - written
    free = shutil.disk_usage(built.folder).free if built.folder.exists() else None
    if free is not None and free < needed:
        raise OutputError(
            f"{built.folder} has {free / 1e9:.1f} GB left and the features take about "
            f"{needed / 1e9:.1f} GB more; free some space or name another folder in data.cache."
        )


def _told(built: FeatureBuild, left: int) -> str:
    size, minutes = built.estimated_bytes, built.estimated_seconds / 60.0
    each = size / max(1, built.files - built.kept)
    return (
        f"features: about {size / 1e9:.2f} GB ({each / 1e3:.0f} kB a file) and {minutes:.1f} min, "
        f"as the first ones were; {left} files are left"
    )
