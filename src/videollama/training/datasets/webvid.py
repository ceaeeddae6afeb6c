"""WebVid: tables of videoid, page_dir and name (the caption); videos/PAGE_DIR/VIDEOID.mp4."""

from collections.abc import Mapping
from typing import Any

from videollama.training.datasets.record import Medium, Place, Sample, Turn, sample, text_of

FIELDS = ("videoid", "page_dir", "name")


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """One row: a video and its caption.

    Raises:
        DataError: A cell is empty.
    """
    name = f"{text_of(entry, 'page_dir')}/{text_of(entry, 'videoid')}.mp4"
    video = Medium("video", place.find(f"videos/{name}", name))
    return sample(place, [video], [Turn("", text_of(entry, "name"))])
