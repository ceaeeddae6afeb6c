"""Sounds with labels, as ESC-50 is laid out: labels.csv and audio/."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from videollama.errors import DataError
from videollama.media.data_manifest import choose_part, read_manifest

TRAINING_FOLDS = frozenset({"1", "2", "3"})
VALIDATION_FOLD = "4"


@dataclass(frozen=True)
class Sound:
    """A sound file and its class."""

    path: Path
    label: str


def read_sounds(folder: Path, fold: str | None = None) -> tuple[list[Sound], str]:
    """Read `folder/labels.csv` (file, fold, class_id, label); the sounds lie in `folder/audio`.

    Args:
        folder: Laid out as ESC-50.
        fold: Which sounds; when None fold 4, else the only one beside 1 to 3.

    Returns:
        The sounds in the file's order, and the fold taken. Sounds are not opened.

    Raises:
        DataError: If the file is missing or malformed, or the fold is not there or not clear.
    """
    manifest = folder / "labels.csv"
    reader = csv.DictReader(read_manifest(manifest).splitlines())
    missing = {"file", "fold", "label"} - set(reader.fieldnames or ())
    if missing:
        raise DataError(f"{manifest} has no column {', '.join(sorted(missing))} in its first line.")
    rows: list[tuple[str, Sound]] = []
    for row in reader:
        if not (row["file"] and row["fold"] and row["label"]):
            raise DataError(f"{manifest}, line {reader.line_num}: file, fold and label are needed.")
        rows.append((row["fold"], Sound(folder / "audio" / row["file"], row["label"].strip())))
    folds = Counter(name for name, _ in rows)
    chosen = choose_part("fold", fold, folds, VALIDATION_FOLD, TRAINING_FOLDS, manifest)
    return [sound for name, sound in rows if name == chosen], chosen
