"""From a recipe's sources to the samples that are learned and those that are held out."""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import DataError, RecipeError
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.conversations import as_entry
from videollama.training.datasets.record import Medium, Sample
from videollama.training.datasets.source import open_source
from videollama.training.finetune_recipe import OwnDataSection, SourceSection

_HASHES = 2**32


@dataclass(frozen=True)
class OwnSamples:
    """The samples of a run.

    Attributes:
        names: What each source is called, for people.
        training: Samples of each source.
        weights: How often each source is taken, relative to the others.
        validation: Samples that are held out.
        other_splits: Samples of splits that the recipe does not name, by split.
    """

    names: tuple[str, ...]
    training: tuple[tuple[Sample, ...], ...]
    weights: tuple[float, ...]
    validation: tuple[Sample, ...]
    other_splits: dict[str, int]

    @property
    def media(self) -> list[Medium]:
        """Every file, or part of one, that any sample shows, each once."""
        samples = [sample for part in (*self.training, self.validation) for sample in part]
        return list(dict.fromkeys(medium for sample in samples for medium in sample.media))

    @property
    def counts(self) -> dict[str, int]:
        """Samples of each source and of the validation."""
        numbered = Counter[str]()
        for name, part in zip(self.names, self.training, strict=True):
            numbered[name] += len(part)
        return {**numbered, "held out": len(self.validation)}

    def without(self, is_unusable: Callable[[Sample], bool]) -> "OwnSamples":
        """What is left when some samples cannot be used."""
        kept = tuple(tuple(s for s in part if not is_unusable(s)) for part in self.training)
        held_out = tuple(s for s in self.validation if not is_unusable(s))
        return _checked(OwnSamples(self.names, kept, self.weights, held_out, self.other_splits))


def read_samples(
    options: OwnDataSection, folder: Path, *, seed: int, broken: BrokenSamples
) -> OwnSamples:
    """Read all annotations; media are not opened.

    Args:
        options: The recipe's `data` section.
        folder: Below which the sources are.
        seed: Decides which files are held out, where a share is.
        broken: Counts entries that are no sample.

    Raises:
        DataError: A source is missing or in no known format, nothing is to be learned, or nothing
            is held out.
        RecipeError: Only some of the sources have a weight.
    """
    training: list[tuple[Sample, ...]] = []
    held_out: list[Sample] = []
    others: Counter[str] = Counter()
    for source in options.sources:
        mine: list[Sample] = []
        for sample in _read(source, folder, broken):
            if sample.split == options.train_split:
                mine.append(sample)
            elif sample.split == options.validation_split:
                held_out.append(sample)
            else:
                others[sample.split] += 1
        if not mine:
            raise DataError(
                f"{folder / source.path} holds no sample of the split {options.train_split!r}"
                f"{_which(others)}; set data.train_split, or mend the data."
            )
        training.append(tuple(mine))
    for source in options.validation:
        held_out += _read(source, folder, broken)
    if not held_out:
        parts = [_hold_out(part, options.validation_share, seed) for part in training]
        training = [tuple(learned) for learned, _ in parts]
        held_out = [sample for _, part in parts for sample in part]
    names = tuple(_name(folder / source.path, source.path) for source in options.sources)
    weights = _weights(options.sources, training)
    return _checked(OwnSamples(names, tuple(training), weights, tuple(held_out), dict(others)))


def write_held_out(samples: Sequence[Sample], target: Path) -> None:
    """Write samples as JSON lines of conversations, so that they can be asked again."""
    entries = [as_entry(sample, target.parent) for sample in samples]
    lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries]
    with new_file(target) as draft:
        draft.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")


def _read(source: SourceSection, folder: Path, broken: BrokenSamples) -> list[Sample]:
    media = None if source.media is None else folder / source.media
    found = open_source(folder / source.path, media)
    return list(found.samples(broken.add))


def _name(place: Path, path: str) -> str:
    """What a source is called: as the recipe does, or by its folder where that says nothing."""
    return path if Path(path).name else place.resolve().name


def _which(others: Counter[str]) -> str:
    if not others:
        return ""
    return ", but " + ", ".join(f"{count} of {split!r}" for split, count in others.items())


def _hold_out(
    samples: Sequence[Sample], share: float, seed: int
) -> tuple[list[Sample], list[Sample]]:
    """Learned and held-out samples; all that show one file are on the same side.

    The files whose names' hashes are lowest are held out: nearly the same ones when files are
    added.
    """

    def rank(sample: Sample) -> int:
        return zlib.crc32(f"{seed}/{sample.media[0].path.name}".encode(errors="backslashreplace"))

    ranks = sorted({rank(sample) for sample in samples})
    count = max(1, round(share * len(ranks))) if share and len(ranks) > 1 else 0
    limit = ranks[count] if count < len(ranks) else _HASHES
    if count == 0:
        return list(samples), []
    learned = [sample for sample in samples if rank(sample) >= limit]
    return learned, [sample for sample in samples if rank(sample) < limit]


def _weights(
    sources: Sequence[SourceSection], training: Sequence[Sequence[Sample]]
) -> tuple[float, ...]:
    given = [source.weight for source in sources if source.weight is not None]
    if not given:
        return tuple(float(len(part)) for part in training)
    if len(given) < len(sources):
        bare = next(source.path for source in sources if source.weight is None)
        raise RecipeError(
            f"data.sources: {bare} has no weight, but others have; give every source one, or none."
        )
    return tuple(given)


def _checked(samples: OwnSamples) -> OwnSamples:
    for name, part in zip(samples.names, samples.training, strict=True):
        if not part:
            raise DataError(f"Source {name} has no usable sample to learn from; look at its files.")
    if not samples.validation:
        raise DataError(
            "No usable sample is held out, so nobody would see how the training goes; mark some as "
            "split 'val', name data.validation, or set data.validation_share to 0.1."
        )
    return samples
