"""filter_cap.json of MiniGPT-4's cc_sbu_align, and of LLaVA-CC3M as Video-LLaMA reads it.

{"annotations": [{"image_id": "2", "caption": "..."}, ...]}, pictures in image/IMAGE_ID.jpg
"""

from collections.abc import Mapping
from typing import Any

from videollama.training.datasets.record import Medium, Place, Sample, Turn, sample, text_of

FIELDS = ("image_id", "caption")


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """One annotation: a picture and its caption.

    Raises:
        DataError: A field is missing or empty.
    """
    name = f"{text_of(entry, 'image_id')}.jpg"
    picture = Medium("image", place.find(f"image/{name}", name))
    return sample(place, [picture], [Turn("", text_of(entry, "caption"))])
