"""Folders of labelled photos and sounds, as Flickr8k and ESC-50 are laid out."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videollama.errors import DataError

TRAINING_FOLDS = frozenset({"1", "2", "3"})
VALIDATION_FOLD = "4"


@dataclass(frozen=True)
class Photo:
    """A photo and what people say about it."""

    path: Path
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Sound:
    """A sound file and its class."""

    path: Path
    label: str


def read_photos(folder: Path, split: str | None = None) -> tuple[list[Photo], str]:
    """Read `folder/captions.jsonl`; the photos lie in `folder/images`.

    Args:
        folder: Holds one JSON object per line: image, split, captions.
        split: Which photos; when None "val", else the only split beside "train".

    Returns:
        The photos in the file's order, and the split taken. Photos are not opened.

    Raises:
        DataError: If the file is missing or malformed, or the split is not there or not clear.
    """
    manifest = folder / "captions.jsonl"
    rows: list[tuple[str, Photo]] = []
    for number, line in enumerate(_read_text(manifest).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            captions = tuple(tidy_caption(str(caption)) for caption in row["captions"])
            photo = Photo(folder / "images" / str(row["image"]), captions)
            rows.append((str(row["split"]), photo))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{manifest}, line {number}: an object with image, split and captions is needed, "
                f"got {line[:60]!r}."
            ) from error
        if not captions:
            raise DataError(f"{manifest}, line {number}: {photo.path.name} has no captions.")
    chosen = _choose("split", split, Counter(name for name, _ in rows), "val", {"train"}, manifest)
    return [photo for name, photo in rows if name == chosen], chosen


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
    reader = csv.DictReader(_read_text(manifest).splitlines())
    missing = {"file", "fold", "label"} - set(reader.fieldnames or ())
    if missing:
        raise DataError(f"{manifest} has no column {', '.join(sorted(missing))} in its first line.")
    rows: list[tuple[str, Sound]] = []
    for row in reader:
        if not (row["file"] and row["fold"] and row["label"]):
            raise DataError(f"{manifest}, line {reader.line_num}: file, fold and label are needed.")
        rows.append((row["fold"], Sound(folder / "audio" / row["file"], row["label"].strip())))
    folds = Counter(name for name, _ in rows)
    chosen = _choose("fold", fold, folds, VALIDATION_FOLD, TRAINING_FOLDS, manifest)
    return [sound for name, sound in rows if name == chosen], chosen


def tidy_caption(caption: str) -> str:
    """Take out the blanks before punctuation: "A dog , running ." gives "A dog, running."."""
    words = caption.split()
    tidy = ""
    for word in words:
        glued = word in {".", ",", "!", "?", ";", ":", "'s", "n't"}
        tidy += word if glued or not tidy else f" {word}"
    return tidy


def _read_text(manifest: Path) -> str:
    try:
        return manifest.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(
            f"{manifest} does not exist; name the folder that holds {manifest.name}."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{manifest} cannot be read: {error}.") from error


def _choose(
    kind: str,
    wanted: str | None,
    available: Counter[str],
    usual: str,
    training: Sequence[str] | set[str] | frozenset[str],
    manifest: Path,
) -> str:
    found = ", ".join(f"{name} ({count})" for name, count in sorted(available.items())) or "none"
    if wanted is not None:
        if wanted not in available:
            raise DataError(f"{manifest} has no {kind} {wanted!r}; it has: {found}.")
        return wanted
    if usual in available:
        return usual
    unseen = [name for name in available if name not in training]
    if len(unseen) != 1:
        raise DataError(f"{manifest} has these {kind}s: {found}; choose one with --{kind}.")
    return unseen[0]
