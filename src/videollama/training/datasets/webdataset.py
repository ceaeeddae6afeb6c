"""WebDataset shards: tar files in which members of one key, 12.mp4 and 12.json, go together.

The JSON is one conversation, or a list of them, in the form of `conversations.py`; its media are
the members of its key, whatever it calls them. Without it, the .txt is a caption, as img2dataset
writes it.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from videollama.errors import DataError
from videollama.media.suffixes import PICTURE_SUFFIXES, SOUND_SUFFIXES, VIDEO_SUFFIXES
from videollama.training.datasets import conversations
from videollama.training.datasets.record import MARKS, Medium, Place, Sample, Turn, sample
from videollama.training.datasets.tables import OnBroken

FIELDS = ("media",)
_KINDS = {
    **dict.fromkeys(VIDEO_SUFFIXES, "video"),
    **dict.fromkeys(PICTURE_SUFFIXES, "image"),
    **dict.fromkeys(SOUND_SUFFIXES, "audio"),
}


def key_of(name: str) -> str:
    """What goes together has the name up to the first dot, folders included."""
    path = PurePath(name)
    return (path.parent / path.name.partition(".")[0]).as_posix()


def read_shard(file: Path, on_broken: OnBroken) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each conversation stands, and its text with the names of its media.

    Args:
        file: A tar file; texts are read, media are passed over.
        on_broken: Told of members that are no JSON, and of keys without text.

    Raises:
        DataError: It is no tar file, or cut off.
    """
    key, members, texts = "", list[str](), dict[str, bytes]()
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                if not member.isreg():
                    continue
                if key_of(member.name) != key:
                    yield from _conversations(file, key, members, texts, on_broken)
                    key, members, texts = key_of(member.name), [], {}
                suffix = PurePath(member.name).suffix.lower()
                if suffix in (".json", ".txt"):
                    stream = archive.extractfile(member)
                    texts[suffix] = b"" if stream is None else stream.read()
                elif suffix in _KINDS:
                    members.append(member.name)
            yield from _conversations(file, key, members, texts, on_broken)
    except (tarfile.TarError, OSError) as error:
        raise DataError(f"{file} is no tar file, or cut off ({error}); fetch it again.") from error


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """A conversation of a shard; `place.media` is the shard itself.

    Raises:
        DataError: A field is missing or not as it should be.
    """
    names, text = entry["media"], entry["text"]
    if isinstance(text, str):
        media = [Medium(_KINDS[_suffix(name)], place.media / name) for name in names]  # type: ignore[arg-type]
        return sample(place, media, [Turn("", text.strip())])
    said = [name for kind in MARKS for name in (*_listed(text, kind), *_listed(text, f"{kind}s"))]
    if not said or not all(name in names for name in said):
        text = {k: v for k, v in text.items() if k.removesuffix("s") not in MARKS}
        for name in names:
            text.setdefault(_KINDS[_suffix(name)], []).append(name)
    return conversations.read_sample(text, place)


def _conversations(
    file: Path,
    key: str,
    media: list[str],
    texts: Mapping[str, bytes],
    on_broken: OnBroken,
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not media and not texts:
        return
    origin = f"{file.name}, {key}"
    try:
        content = json.loads(texts[".json"]) if ".json" in texts else None
        caption = texts[".txt"].decode() if ".txt" in texts else None
    except (ValueError, RecursionError) as error:
        on_broken(origin, f"its text cannot be read: {error}")
        return
    several = content if isinstance(content, list) else [content]
    spoken = [each for each in several if _is_conversation(each)]
    if not spoken and caption is None:
        on_broken(origin, "has no .json with conversations, and no .txt with a caption")
    for number, text in enumerate(spoken or ([] if caption is None else [caption]), start=1):
        where = origin if len(spoken) < 2 else f"{origin}, conversation {number}"
        yield where, {"media": media, "text": text}


def _is_conversation(entry: object) -> bool:
    return isinstance(entry, dict) and ("conversations" in entry or "messages" in entry)


def _listed(entry: Mapping[str, Any], field: str) -> list[Any]:
    value = entry.get(field)
    return value if isinstance(value, list) else [] if value is None else [value]


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()
