"""VideoChat-11k and VideoChat2: {"video": "...", "QA": [{"q": "...", "a": "...", "i": "..."}]}.

VideoChat2 also has pictures ("image"), parts of videos ("start", "end" in seconds) and instructions
("i"), of which its own loader takes the first of each conversation. Captions there have empty "q".
"""

from collections.abc import Mapping
from typing import Any

from videollama.errors import DataError
from videollama.training.datasets.conversations import seconds_of
from videollama.training.datasets.record import Medium, Place, Sample, Turn, sample, text_of

FIELDS = ("QA",)


def names_medium(entry: Mapping[str, Any]) -> bool:
    """Whether an entry says what it is about."""
    return "video" in entry or "image" in entry


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """One video or picture, and what is asked about it.

    Raises:
        DataError: A field is missing or not as it should be.
    """
    pairs = entry.get("QA")
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        raise DataError(f"field 'QA' is no list of questions and answers: {pairs!r:.60}")
    turns = []
    for pair in pairs:
        # Captions have no question, but never lack the field.
        question = "" if pair.get("q") == "" else text_of(pair, "q")
        turns.append(Turn(question, text_of(pair, "a")))
    if "image" in entry:
        medium = Medium("image", place.find(text_of(entry, "image")))
    else:
        name = text_of(entry, "video")
        path = place.find(name, f"videos/{name}")
        medium = Medium("video", path, seconds_of(entry, "start"), seconds_of(entry, "end"))
    system = next((str(pair["i"]).strip() for pair in pairs[:1] if pair.get("i")), "")
    return sample(place, [medium], turns, system=system)
