"""The ChatML prompt of the small default model (SmolLM2), exactly as it was trained.

    <|im_start|>system
    Answer questions about a clip.<|im_end|>
    <|im_start|>user
    Audio: (sound) or silence or "the clip has no audio track"
    Video:
    First(pictures), then(pictures)
    What happens?<|im_end|>
    <|im_start|>assistant

Facts about missing sound or pictures are stated in words, because a small model cannot infer them
from the absence of tokens. The words between the halves of a video's tokens are those with which
answers tell scenes in order ("First a dog, then a boat."): the decoder looks behind the same word.
An image has an "Image: " line and no "Audio: " line; of a sound file "Video: none" is said.
"""

from collections.abc import Sequence

from videollama.prompts.turns import Medium, Piece, Turn, check_turns, merge_text

CHATML_SYSTEM = "Answer questions about a clip."
CHATML_START = "<|im_start|>"
CHATML_END = "<|im_end|>"
AUDIO_LABEL = "Audio: "
VIDEO_LABEL = "Video:\nFirst"
VIDEO_MIDDLE = ", then"
NO_VIDEO = "Video: none\n"
IMAGE_LABEL = "Image: "
NO_TRACK = "the clip has no audio track"
SILENCE = "silence"
UNREADABLE = "unreadable"

_AUDIO_FACTS = {"absent": NO_TRACK, "silent": SILENCE, "undecodable": UNREADABLE}


def render_chatml(
    turns: Sequence[Turn], *, system: str | None = None, add_generation_prompt: bool = True
) -> list[Piece]:
    """Lay out a conversation in ChatML.

    Args:
        turns: User and assistant turns in order; a system turn, if any, comes first and replaces
            the short default.
        system: Replaces the default system sentence; "" leaves the system block out.
        add_generation_prompt: End with the opening of an assistant turn, ready to be continued.

    Returns:
        The pieces of the prompt. Text of assistant turns and the token that ends them are
        supervised.

    Raises:
        InputError: When a system turn is not the first, or an assistant turn holds media.
    """
    check_turns(turns)
    if turns and turns[0].role == "system":
        system, turns = turns[0].text, turns[1:]
    sentence = CHATML_SYSTEM if system is None else system
    pieces: list[Piece] = []
    if sentence:
        pieces += _block("system", [Piece("text", sentence)])
    for turn in turns:
        if turn.role == "assistant":
            answer = Piece("text", turn.text.strip(), supervised=True)
            pieces += _block("assistant", [answer], supervised=True)
        else:
            pieces += _block("user", user_pieces(turn))
    if add_generation_prompt:
        pieces += [Piece("control", CHATML_START), Piece("text", "assistant\n")]
    return merge_text(pieces)


def user_pieces(turn: Turn) -> list[Piece]:
    """What the user says: a line or two per medium, then the question."""
    lines = [piece for medium in turn.media for piece in medium_pieces(medium)]
    return [*lines, Piece("text", turn.text.strip())]


def medium_pieces(medium: Medium) -> list[Piece]:
    """The lines that introduce one medium: sound first, then pictures."""
    if medium.kind == "image":
        return [Piece("text", IMAGE_LABEL), Piece("video"), Piece("text", "\n")]
    pieces: list[Piece] = []
    if medium.audio_status == "present":
        pieces += [Piece("text", AUDIO_LABEL), Piece("audio"), Piece("text", "\n")]
    elif medium.audio_status in _AUDIO_FACTS:
        pieces += [Piece("text", f"{AUDIO_LABEL}{_AUDIO_FACTS[medium.audio_status]}\n")]
    if medium.has_picture:
        pieces += [Piece("text", VIDEO_LABEL), Piece("video_begin")]
        pieces += [Piece("text", VIDEO_MIDDLE), Piece("video_end"), Piece("text", "\n")]
    else:
        pieces += [Piece("text", NO_VIDEO)]
    return pieces


def _block(role: str, content: Sequence[Piece], *, supervised: bool = False) -> list[Piece]:
    return [
        Piece("control", CHATML_START),
        Piece("text", f"{role}\n"),
        *content,
        Piece("control", CHATML_END, supervised=supervised),
        Piece("text", "\n"),
    ]
