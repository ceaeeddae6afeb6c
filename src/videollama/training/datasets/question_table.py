"""A plain table of file, question and answer; split is optional. The suffix tells the kind of file.

Rows that follow one another about the same file stay samples of their own.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from videollama.errors import DataError
from videollama.media.clip import Kind
from videollama.media.suffixes import PICTURE_SUFFIXES, SOUND_SUFFIXES, VIDEO_SUFFIXES
from videollama.training.datasets.record import Medium, Place, Sample, Turn, sample, text_of

FIELDS = ("file", "question", "answer")


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """One row; without a question the answer is a caption.

    Raises:
        DataError: A cell is empty, or the file's suffix is that of no known kind.
    """
    name = text_of(entry, "file")
    medium = Medium(_kind(name), place.find(name))
    turn = Turn(str(entry["question"]).strip(), text_of(entry, "answer"))
    return sample(place, [medium], [turn], split=entry.get("split"))


def _kind(name: str) -> Kind:
    suffix = PurePath(name).suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    if suffix in PICTURE_SUFFIXES:
        return "image"
    if suffix in SOUND_SUFFIXES:
        return "audio"
    raise DataError(
        f"{name} ends in {suffix or 'no suffix'}, which no video, picture or sound does"
    )
