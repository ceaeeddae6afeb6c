r"""Conversations as LLaVA, Qwen-VL and their kin write them, and the form that we write.

    {"video": "a.mp4", "conversations": [{"from": "human", "value": "<video>\nWhat?"},
                                         {"from": "gpt", "value": "A dog."}]}
    {"videos": ["a.mp4"], "messages": [{"role": "user", "content": "<video>What?"},
                                       {"role": "assistant", "content": "A dog."}]}

"image" and "audio" are like "video", and a list names several files. `content` may be a list of
parts, {"type": "video", "video": "a.mp4"} and {"type": "text", "text": "What?"}. "split", and
"start" and "end" in seconds for one video or sound, are optional.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videollama.errors import DataError
from videollama.media.clip import Kind
from videollama.training.datasets.record import MARKS, Medium, Place, Sample, Turn, sample

CONVERSATION_FIELDS = ("conversations",)
MESSAGE_FIELDS = ("messages",)
_SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """One conversation.

    Raises:
        DataError: A field is missing or not as it should be.
    """
    names = {kind: _names(entry, kind) + _names(entry, f"{kind}s") for kind in MARKS}
    system, turns = conversation(entry, names)
    media = [Medium(kind, place.find(name)) for kind in MARKS for name in names[kind]]
    if "start" in entry or "end" in entry:
        if len(media) != 1:
            raise DataError(f"has 'start' or 'end', but {len(media)} media instead of one")
        start, end = seconds_of(entry, "start"), seconds_of(entry, "end")
        media = [Medium(media[0].kind, media[0].path, start, end)]
    return sample(place, media, turns, split=entry.get("split"), system=system)


def conversation(
    entry: Mapping[str, Any], names: dict[Kind, list[str]] | None = None
) -> tuple[str, list[Turn]]:
    """The system's instruction, and the turns.

    Args:
        entry: Holds `conversations` or `messages`.
        names: Files by kind; those that parts of messages name are appended.

    Raises:
        DataError: A message is not as it should be, or out of turn.
    """
    field = "conversations" if "conversations" in entry else "messages"
    messages = entry.get(field)
    if not isinstance(messages, list) or not messages:
        raise DataError(f"field {field!r} is no list of messages: {messages!r:.60}")
    spoken = [_message(number, each, names) for number, each in enumerate(messages, 1)]
    system = spoken.pop(0)[1].strip() if spoken[0][0] == "system" else ""
    turns: list[Turn] = []
    for position, (speaker, text) in enumerate(spoken):
        expected = "assistant" if position % 2 else "user"
        if speaker != expected:
            number = position + 1 + len(messages) - len(spoken)
            raise DataError(f"message {number} is the {speaker}'s; it is the {expected}'s turn")
        if position % 2:
            turns.append(Turn(spoken[position - 1][1].strip(), text.strip()))
    if len(spoken) % 2:
        raise DataError("ends with a question that has no answer")
    return system, turns


def seconds_of(entry: Mapping[str, Any], field: str) -> float | None:
    """A time in seconds, None where there is none.

    Raises:
        DataError: It is no number.
    """
    value = entry.get(field)
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"field {field!r} is no number of seconds: {value!r:.60}") from None


def as_entry(sample: Sample, folder: Path) -> dict[str, Any]:
    """A sample in the form that we write, which `read_sample` takes back.

    Args:
        sample: The sample.
        folder: Media below it get names relative to it, others absolute ones.
    """
    entry: dict[str, Any] = {"id": sample.origin, "split": sample.split}
    for kind in MARKS:
        names = [_name(medium.path, folder) for medium in sample.media if medium.kind == kind]
        if names:
            entry[kind] = names[0] if len(names) == 1 else names
    first = sample.media[0]
    times = {"start": first.start_seconds, "end": first.end_seconds}
    entry |= {field: seconds for field, seconds in times.items() if seconds is not None}
    messages = [{"from": "system", "value": sample.system}] if sample.system else []
    for turn in sample.turns:
        messages.append({"from": "human", "value": turn.question})
        messages.append({"from": "gpt", "value": turn.answer})
    return {**entry, "conversations": messages}


def _name(path: Path, folder: Path) -> str:
    path, folder = path.absolute(), folder.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _names(entry: Mapping[str, Any], field: str) -> list[str]:
    value = entry.get(field)
    if value is None:
        return []
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise DataError(f"field {field!r} holds no file names: {value!r:.60}")
    return names


def _message(number: int, message: object, names: dict[Kind, list[str]] | None) -> tuple[str, str]:
    """Who speaks, and what."""
    if not isinstance(message, dict):
        raise DataError(f"message {number} is no object: {message!r:.60}")
    said = str(message.get("from", message.get("role")))
    if said not in _SPEAKERS:
        raise DataError(f"message {number} is by {said!r}; known are {', '.join(_SPEAKERS)}")
    content = message.get("value", message.get("content"))
    if isinstance(content, list) and names is not None:
        content = "".join(_part(number, part, names) for part in content)
    if not isinstance(content, str):
        raise DataError(f"message {number} holds no text: {content!r:.60}")
    return _SPEAKERS[said], content


def _part(number: int, part: object, names: dict[Kind, list[str]]) -> str:
    """The text of a part of a message; a medium is noted and gives its mark."""
    if isinstance(part, dict):
        if part.get("type") == "text" and isinstance(part.get("text"), str):
            return str(part["text"])
        for kind, mark in MARKS.items():
            if part.get("type") == kind and isinstance(part.get(kind), str):
                names[kind].append(part[kind])
                return mark
    raise DataError(f"message {number} has a part that is neither text nor a file: {part!r:.60}")
