"""Any format into WebDataset shards: media and their conversations in tar files of a chosen size.

    OUT/shard-000000.tar     000000000.mp4  000000000.json  000000000.txt  000000001.mp4 …

The same data give the same bytes. A shard appears whole; one that is there already and holds what
it should is left, so that packing goes on where it was stopped.
"""

import io
import itertools
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import DataError, MediaError, OutputError
from videollama.media.container import local_file
from videollama.media.tar_members import open_bytes, state_of
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.conversations import as_entry
from videollama.training.datasets.record import Medium, Sample, without_marks
from videollama.training.datasets.source import DataSource

_BLOCK = 512


@dataclass
class Packed:
    """What was packed.

    Attributes:
        shards: Tar files, and `kept`, those that were there before.
        samples: Conversations in them.
        num_bytes: Size of all of them.
    """

    shards: int = 0
    kept: int = 0
    samples: int = 0
    num_bytes: int = 0


@dataclass
class _Shard:
    """Members of a shard: texts as bytes, media by their places; in order."""

    members: list[tuple[str, bytes | Path, int]] = field(default_factory=list)
    samples: int = 0

    @property
    def num_bytes(self) -> int:
        return sum(_BLOCK + -(-size // _BLOCK) * _BLOCK for _, _, size in self.members)


def pack_shards(
    source: DataSource,
    out: Path,
    *,
    shard_bytes: int,
    broken: BrokenSamples,
    progress: Callable[[int], None],
) -> Packed:
    """Write all samples whose media are there. Neighbours about the same files share them.

    Args:
        source: What to read.
        out: Folder of the shards.
        shard_bytes: A shard is not larger, unless one sample alone is.
        broken: Counts the samples that are left out.
        progress: Told how many samples were written so far.

    Raises:
        DataError: More samples are broken than the limit allows, or all are.
        OutputError: A shard with other content is in the way, or cannot be written.
    """
    packed = Packed()
    for shard in _shards(source, shard_bytes, broken):
        target = out / f"shard-{packed.shards:06}.tar"
        if target.exists():
            _require_equal(target, shard)
            packed.kept += 1
        else:
            with new_file(target) as draft:
                _write(shard, draft)
        packed.shards += 1
        packed.samples += shard.samples
        packed.num_bytes += target.stat().st_size
        progress(packed.samples)
    if not packed.samples:
        first = next(iter(broken.reasons.items()), None)
        why = f"; the first: {first[0]}: {first[1]}" if first else ""
        raise DataError(f"No sample of {len(broken.reasons)} can be used{why}.")
    if (beyond := out / f"shard-{packed.shards:06}.tar").exists():
        raise OutputError(f"{beyond} is there, but belongs to other data; remove it.")
    return packed


def _shards(source: DataSource, shard_bytes: int, broken: BrokenSamples) -> Iterator[_Shard]:
    shard = _Shard()
    usable = (sample for sample in source.samples(broken.add) if _is_usable(sample, broken))
    groups = itertools.groupby(usable, key=lambda sample: [(m.kind, m.path) for m in sample.media])
    for number, (_, group) in enumerate(groups):
        more = _group(f"{number:09}", list(group))
        if shard.members and shard.num_bytes + more.num_bytes > shard_bytes:
            yield shard
            shard = _Shard()
        shard.members += more.members
        shard.samples += more.samples
    if shard.members:
        yield shard


def _is_usable(sample: Sample, broken: BrokenSamples) -> bool:
    try:
        for medium in sample.media:
            local_file(medium.path)
    except MediaError as error:
        broken.add(sample.origin, str(error).rstrip("."))
        return False
    return True


def _group(key: str, samples: Sequence[Sample]) -> _Shard:
    media = samples[0].media
    names = [_member_name(key, place, medium, len(media)) for place, medium in enumerate(media)]
    entries = [_entry(sample, names) for sample in samples]
    content = json.dumps(entries[0] if len(entries) == 1 else entries, ensure_ascii=False)
    texts = {f"{key}.json": content}
    if len(samples) == 1 and not without_marks(samples[0].turns[0].question):
        texts[f"{key}.txt"] = samples[0].turns[0].answer
    shard = _Shard(samples=len(samples))
    for name, medium in zip(names, media, strict=True):
        shard.members.append((name, medium.path, state_of(medium.path).size))
    for name, text in texts.items():
        encoded = text.encode(errors="backslashreplace")
        shard.members.append((name, encoded, len(encoded)))
    return shard


def _member_name(key: str, place: int, medium: Medium, count: int) -> str:
    number = f".{place}" if count > 1 else ""
    return f"{key}{number}{medium.path.suffix.lower()}"


def _entry(sample: Sample, names: Sequence[str]) -> dict[str, Any]:
    here = Path("/")
    media = [replace(m, path=here / name) for m, name in zip(sample.media, names, strict=True)]
    return as_entry(replace(sample, media=tuple(media)), here)


def _write(shard: _Shard, draft: Path) -> None:
    with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content, size in shard.members:
            facts = tarfile.TarInfo(name)  # owned by nobody, at no time: the same bytes everywhere
            facts.size = size
            if isinstance(content, bytes):
                archive.addfile(facts, io.BytesIO(content))
                continue
            with open_bytes(content) as stream:
                try:
                    archive.addfile(facts, stream)
                except OSError as error:
                    if error.errno is not None:
                        raise
                    raise DataError(f"{content} became shorter while it was read.") from error


def _require_equal(target: Path, shard: _Shard) -> None:
    """Names, sizes and texts are compared; media of equal size are taken for equal."""
    try:
        with tarfile.open(target, "r:") as archive:
            for name, content, size in shard.members:
                found = archive.next()
                if found is None or (found.name, found.size) != (name, size):
                    break
                stream = archive.extractfile(found) if isinstance(content, bytes) else None
                if stream is not None and stream.read() != content:
                    break
            else:
                if archive.next() is None:
                    return
    except tarfile.TarError:
        pass
    raise OutputError(
        f"{target} holds something else than these data at this size; choose another folder, or "
        "remove it."
    )
