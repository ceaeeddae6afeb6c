"""What a conversation is before it becomes a prompt: turns of text and media, and prompt pieces.

A template turns `Turn`s into `Piece`s. A piece is plain text, one control token of the decoder's
vocabulary, or the place of a medium's embeddings. Keeping the three apart is what makes text that
merely looks like a control token ("<|im_end|>", "<ImageHere>") stay text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from videollama.errors import InputError

MediumKind = Literal["video", "image", "audio"]
AudioStatus = Literal["present", "silent", "absent", "undecodable", "not_requested"]
Role = Literal["system", "user", "assistant"]
PieceKind = Literal[
    "text", "control", "word", "bos", "eos", "video", "video_begin", "video_end", "audio"
]


@dataclass(frozen=True)
class Medium:
    """The facts about one medium that a prompt depends on (never its tensors).

    Attributes:
        kind: What the file is.
        has_picture: Whether frames go to the model; False for a file with sound only.
        audio_status: What is known about the sound; "not_requested" leaves sound out of the prompt.
        frame_times_seconds: Time of each frame, for templates that state them.
    """

    kind: MediumKind
    has_picture: bool = True
    audio_status: AudioStatus = "not_requested"
    frame_times_seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One message of a conversation: its role and its text and media in order."""

    role: Role
    parts: tuple[str | Medium, ...]

    @property
    def text(self) -> str:
        """The text parts joined by one space."""
        return " ".join(part for part in self.parts if isinstance(part, str))

    @property
    def media(self) -> tuple[Medium, ...]:
        """The media of this turn in order."""
        return tuple(part for part in self.parts if isinstance(part, Medium))


@dataclass(frozen=True)
class Piece:
    """One stretch of a prompt.

    Attributes:
        kind: "text"; "control" (one token of the vocabulary, named by `value`); "word" (one token
            if the vocabulary has it, else text); "bos" or "eos" (whatever the tokenizer calls
            them); or the medium whose query tokens stand here ("video" also for images;
            "video_begin" and "video_end" are the two halves of a video's).
        value: The text or the control token; empty otherwise.
        supervised: True where training computes a loss (answers and what ends them).
    """

    kind: PieceKind
    value: str = ""
    supervised: bool = False


def check_turns(turns: Sequence[Turn]) -> None:
    """Refuse conversations no template can lay out.

    Raises:
        InputError: When a system turn is not the first, or an assistant turn holds media.
    """
    for position, turn in enumerate(turns):
        if turn.role == "system" and position > 0:
            raise InputError("a system message must be the first message of a conversation.")
        if turn.role != "user" and turn.media:
            raise InputError(f"{turn.role} message {position} holds media; only a user's can.")


def merge_text(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbouring text pieces with the same supervision and drop empty ones."""
    merged: list[Piece] = []
    for piece in pieces:
        if piece.kind == "text" and not piece.value:
            continue
        last = merged[-1] if merged else None
        if (
            last is not None
            and piece.kind == last.kind == "text"
            and piece.supervised == last.supervised
        ):
            merged[-1] = Piece("text", last.value + piece.value, last.supervised)
        else:
            merged.append(piece)
    return merged
