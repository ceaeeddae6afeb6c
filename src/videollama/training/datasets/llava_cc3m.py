"""LLaVA-CC3M-Pretrain-595K as LLaVA ships it: chat.json or metadata.json, and images.zip unpacked.

chat.json has instructions in front of the captions, metadata.json the captions alone.
"""

from collections.abc import Mapping
from typing import Any

from videollama.training.datasets.conversations import conversation
from videollama.training.datasets.record import Medium, Place, Sample, Turn, sample, text_of

CHAT_FIELDS = ("image", "conversations")
METADATA_FIELDS = ("image", "caption", "blip_caption")
CHAT_FILE = "chat.json"
METADATA_FILE = "metadata.json"


def is_cc3m(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is about a picture of CC3M."""
    return str(entry.get("image")).startswith("GCC_")


def read_chat(entry: Mapping[str, Any], place: Place) -> Sample:
    """One conversation about a picture.

    Raises:
        DataError: A field is missing or not as it should be.
    """
    system, turns = conversation(entry)
    return sample(place, [_picture(entry, place)], turns, system=system)


def read_metadata(entry: Mapping[str, Any], place: Place) -> Sample:
    """One picture and the caption of CC3M; BLIP's is left out.

    Raises:
        DataError: A field is missing or empty.
    """
    return sample(place, [_picture(entry, place)], [Turn("", text_of(entry, "caption"))])


def _picture(entry: Mapping[str, Any], place: Place) -> Medium:
    name = text_of(entry, "image")
    return Medium("image", place.find(name, f"images/{name}", f"image/{name}"))
