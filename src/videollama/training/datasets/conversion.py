"""Any format into one JSONL file of conversations."""

import json
from collections.abc import Callable
from pathlib import Path

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import DataError, MediaError, OutputError
from videollama.media.container import local_file
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.conversations import as_entry
from videollama.training.datasets.source import DataSource


def write_conversations(
    source: DataSource, target: Path, *, broken: BrokenSamples, progress: Callable[[int], None]
) -> int:
    """Write all samples whose media are there; the file appears whole or not at all.

    Args:
        source: What to read.
        target: The JSONL file; media below its folder get names relative to it.
        broken: Counts the samples that are left out.
        progress: Told how many samples were written so far.

    Returns:
        Samples written.

    Raises:
        DataError: More samples are broken than the limit allows, or all are.
        OutputError: The file exists, or cannot be written.
    """
    if target.exists():
        raise OutputError(f"{target} exists already; choose another place or remove it first.")
    written = 0
    with (
        new_file(target) as draft,
        draft.open("w", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        for sample in source.samples(broken.add):
            try:
                for medium in sample.media:
                    local_file(medium.path)
            except MediaError as error:
                broken.add(sample.origin, str(error).rstrip("."))
                continue
            entry = as_entry(sample, target.parent)
            stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
            written += 1
            progress(written)
        if written == 0:
            first = next(iter(broken.reasons.items()), None)
            why = f"; the first: {first[0]}: {first[1]}" if first else ""
            raise DataError(f"No sample of {len(broken.reasons)} can be used{why}.")
    return written
