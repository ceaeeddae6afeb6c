"""LLaVA-Instruct-150K: conversations about pictures of COCO, named as in 2017.

{"id": "000000033471", "image": "000000033471.jpg", "conversations": [...]}; the pictures lie in
train2014/COCO_train2014_000000033471.jpg or train2017/000000033471.jpg
"""

import re
from collections.abc import Mapping
from typing import Any

from videollama.training.datasets.conversations import conversation
from videollama.training.datasets.record import Medium, Place, Sample, sample, text_of

FIELDS = ("image", "conversations")
_COCO_NAME = re.compile(r"\d{12}\.jpg")


def is_coco(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is about a picture of COCO, without a folder in front of its name."""
    return _COCO_NAME.fullmatch(str(entry.get("image"))) is not None


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """One conversation about a picture.

    Raises:
        DataError: A field is missing or not as it should be.
    """
    name = text_of(entry, "image")
    older = f"COCO_train2014_{name}"
    path = place.find(f"train2014/{older}", f"train2017/{name}", older, name)
    system, turns = conversation(entry)
    return sample(place, [Medium("image", path)], turns, system=system)
