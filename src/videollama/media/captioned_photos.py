"""Photos with captions, as Flickr8k is laid out: captions.jsonl and images/."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from videollama.errors import DataError
from videollama.media.data_manifest import choose_part, read_manifest


@dataclass(frozen=True)
class Photo:
    """A photo and what people say about it."""

    path: Path
    captions: tuple[str, ...]


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
    for number, line in enumerate(read_manifest(manifest).splitlines(), start=1):
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
    chosen = choose_part(
        "split", split, Counter(name for name, _ in rows), "val", {"train"}, manifest
    )
    return [photo for name, photo in rows if name == chosen], chosen


def tidy_caption(caption: str) -> str:
    """Take out the blanks before punctuation: "A dog , running ." gives "A dog, running."."""
    words = caption.split()
    tidy = ""
    for word in words:
        glued = word in {".", ",", "!", "?", ";", ":", "'s", "n't"}
        tidy += word if glued or not tidy else f" {word}"
    return tidy
