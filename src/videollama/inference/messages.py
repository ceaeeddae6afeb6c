"""Files and questions as the messages a processor reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videollama.errors import InputError
from videollama.media.clip import Clip
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling

Medium = str | Path | Clip
Media = Medium | Sequence[Medium]
Message = dict[str, Any]


def as_list(media: Media) -> list[Medium]:
    """One file or several, as a list."""
    return [media] if isinstance(media, str | Path | Clip) else list(media)


def read_media(media: Media, sampling: FrameSampling, frame_side: int) -> list[Clip]:
    """Opens every file; clips that were read before are taken as they are.

    Args:
        media: A file or several.
        sampling: Which moments to look at.
        frame_side: Frames are scaled to this many pixels squared while they are decoded, which is
            what the original does, and keeps many large frames out of memory.

    Raises:
        InputError: There is nothing to look at or listen to.
        MediaError: A file cannot be used.
    """
    wanted = as_list(media)
    if not wanted:
        raise InputError("No media were given; name at least one video, picture or sound file.")
    return [
        item
        if isinstance(item, Clip)
        else read_clip(item, sampling, frame_size=(frame_side, frame_side))
        for item in wanted
    ]


def question_message(question: str, clips: Sequence[Clip], first_clip: int = 0) -> Message:
    """The user's turn: its media first, then the question.

    Args:
        question: Free text; what looks like a control token is treated as text.
        clips: Media that this turn shows.
        first_clip: Position of `clips[0]` among all clips handed to the processor.

    Raises:
        InputError: The question is empty.
    """
    if not question.strip():
        raise InputError("The question is empty; ask something, for example 'What happens?'.")
    content: list[dict[str, Any]] = [
        {"type": clip.kind, "clip": first_clip + offset} for offset, clip in enumerate(clips)
    ]
    content.append({"type": "text", "text": tokenizable(question.strip())})
    return {"role": "user", "content": content}


def tokenizable(text: str) -> str:
    """The text without lone surrogates, which no tokenizer takes.

    A shell hands bytes that are not UTF-8 over as such, and JSON may hold them.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def answer_message(text: str) -> Message:
    """The model's turn."""
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def text_of(message: Message) -> str:
    """The words of a message, without its media."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def shown_in(messages: Sequence[Message], clips: Sequence[Clip]) -> list[tuple[str, Clip]]:
    """The media of a conversation, each with the kind as which it is shown."""
    return [
        (part["type"], clips[part["clip"]])
        for message in messages
        if not isinstance(message["content"], str)
        for part in message["content"]
        if "clip" in part
    ]
