r"""The prompts Video-LLaMA was trained and shown with, blank for blank.

    vicuna    {system}###Human: <Video>(video)</Video> {frame times}  {question}###Assistant:
    llama_2   [INST] <<SYS>>\n{system}\n<</SYS>>\n\n{user} [/INST] {answer} </s><s>[INST] ...

Source: `Chat.upload_video`, `Chat.ask` and `Conversation.get_prompt` of the original. Two
consecutive blanks, missing plurals and source-code indentation inside sentences are the original's:
answers depend on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from videollama.errors import InputError
from videollama.prompts.turns import Medium, Piece, Turn, check_turns, merge_text

DEMO_SYSTEM = (
    "You are able to understand the visual content that the user provides. "
    "Follow the instructions carefully and explain your answers in detail."
)
LLAMA_2_SYSTEM = (
    "You are a helpful language and vision assistant. You are able to understand the visual "
    "content that the user provides, and assist the user with a variety of tasks using natural "
    "language."
)
AUDIO_INTRODUCTION = (
    "Close your eyes, open your ears and you imagine only based on the sound that: "
)
# The original continues these lines in its source with a backslash: the indentation became text.
PICTURE_INTRODUCTION = "." + " " * 17 + "Close your ears, open your eyes and you see that "
AUDIO_VIDEO_END = (
    "." + " " * 18 + "Now answer my question based on what you have just seen and heard."
)
# The original cannot take sound alone; this sentence is ours.
AUDIO_ONLY_END = ". Now answer my question based on what you have just heard."


def hears_released(medium: Medium) -> bool:
    """Whether the sound of this medium is given to the model: silence is, as in the original."""
    return medium.kind != "image" and medium.audio_status in ("present", "silent")


def render_vicuna(
    turns: Sequence[Turn],
    *,
    system: str | None = None,
    add_generation_prompt: bool = True,
    state_frame_times: bool = True,
) -> list[Piece]:
    """Lay out a conversation in Video-LLaMA's Vicuna form.

    Args:
        turns: User and assistant turns in order; a system turn may come first.
        system: Replaces the original's choice (the demo's sentence, or nothing with sound).
        add_generation_prompt: End with "Assistant:".
        state_frame_times: Say when the frames were taken; BiLLa and Ziya were trained without.

    Returns:
        The pieces of the prompt, BOS first.
    """
    messages, system = _messages(turns, system, "", state_frame_times)
    pieces = [Piece("bos"), Piece("text", f"{system}###")]
    for message in messages:
        if message.is_empty:
            pieces.append(Piece("text", f"{message.name('Human', 'Assistant')}:"))
        else:
            pieces.append(Piece("text", f"{message.name('Human', 'Assistant')}: "))
            pieces += [*message.pieces, Piece("text", "###")]
    if add_generation_prompt:
        pieces.append(Piece("text", "Assistant:"))
    return merge_text(pieces)


def render_llama_2(
    turns: Sequence[Turn],
    *,
    system: str | None = None,
    merge_human_messages: bool = True,
) -> list[Piece]:
    """Lay out a conversation in the LLaMA-2-Chat form.

    Args:
        turns: User and assistant turns in order; a system turn may come first.
        system: Replaces the original's choice.
        merge_human_messages: Put several media of one turn into one instruction. The original,
            reproduced by False, writes the second as if it were the model's answer.

    Returns:
        The pieces of the prompt, BOS first. The next answer starts directly behind "[/INST]".

    Raises:
        InputError: When the conversation does not start with a user turn.
    """
    messages, system = _messages(turns, system, LLAMA_2_SYSTEM, state_frame_times=True)
    if not messages or messages[0].is_assistant or messages[0].is_empty:
        raise InputError("a LLaMA-2 conversation must start with something the user says.")
    if merge_human_messages:
        messages = _merge_neighbours(messages)
    return lay_out_llama_2([message.pieces for message in messages], system)


def lay_out_llama_2(messages: Sequence[Sequence[Piece]], system: str) -> list[Piece]:
    """Wrap messages in turn as instruction and answer, as `Conversation.get_prompt` does.

    Args:
        messages: Content of each message, the user's first; empty ones are left out.
        system: Stands in the first instruction, even when empty.

    Returns:
        The pieces, with BOS before each instruction and EOS behind each answer.
    """
    pieces: list[Piece] = []
    for position, message in enumerate(messages):
        if is_empty(message):
            continue
        if position % 2 == 0:
            opening = f"[INST] <<SYS>>\n{system}\n<</SYS>>\n\n" if position == 0 else "[INST] "
            pieces += [Piece("bos"), Piece("text", opening), *message, Piece("text", " [/INST]")]
        else:
            pieces += [Piece("text", " "), *message, Piece("text", " "), Piece("eos")]
    return merge_text(pieces)


def is_empty(pieces: Sequence[Piece]) -> bool:
    """Whether a message says and shows nothing."""
    return not any(piece.value or piece.kind != "text" for piece in pieces)


def medium_pieces(medium: Medium, *, state_frame_times: bool = True) -> list[Piece]:
    """How the original introduces a medium; the question follows behind one more blank."""
    if medium.kind == "image":
        return [Piece("text", "<Image>"), Piece("video"), Piece("text", "</Image> ")]
    video = [Piece("text", "<Video>"), Piece("video"), Piece("text", "</Video>")]
    if not hears_released(medium):
        if not medium.has_picture:
            return []
        times = frame_times_sentence(medium.frame_times_seconds) if state_frame_times else ""
        return [*video, Piece("text", f" {times}" if times else "")]
    sound = [Piece("text", AUDIO_INTRODUCTION), Piece("audio")]
    if not medium.has_picture:
        return [*sound, Piece("text", AUDIO_ONLY_END)]
    introduced = [Piece("text", PICTURE_INTRODUCTION), *video, Piece("text", AUDIO_VIDEO_END)]
    return [*sound, *introduced]


def frame_times_sentence(frame_times_seconds: Sequence[float]) -> str:
    """The original's sentence about the frames, with its closing blank; empty without times."""
    if not frame_times_seconds:
        return ""
    times = ", ".join(str(round(seconds, 1)) for seconds in frame_times_seconds)
    return f"The video contains {len(frame_times_seconds)} frames sampled at {times} seconds. "


def default_system(media: Sequence[Medium], without_media: str) -> str:
    """The system sentence of the original's demos: none once sound was asked for."""
    if not media:
        return without_media
    silent_demo = all(m.kind == "image" or m.audio_status == "not_requested" for m in media)
    return DEMO_SYSTEM if silent_demo else ""


@dataclass
class _Message:
    is_assistant: bool
    pieces: list[Piece] = field(default_factory=list)
    holds_media: bool = False

    @property
    def is_empty(self) -> bool:
        return is_empty(self.pieces)

    def name(self, human: str, assistant: str) -> str:
        return assistant if self.is_assistant else human


def _messages(
    turns: Sequence[Turn], system: str | None, system_without_media: str, state_frame_times: bool
) -> tuple[list[_Message], str]:
    """One message per medium and per text; a question joins the medium before it."""
    check_turns(turns)
    if turns and turns[0].role == "system":
        system, turns = turns[0].text, turns[1:]
    if system is None:
        media = [medium for turn in turns for medium in turn.media]
        system = default_system(media, system_without_media)
    messages: list[_Message] = []
    for turn in turns:
        if turn.role == "assistant":
            messages.append(_Message(True, [Piece("text", turn.text)]))
            continue
        for medium in turn.media:
            introduction = medium_pieces(medium, state_frame_times=state_frame_times)
            if introduction:
                messages.append(_Message(False, introduction, holds_media=True))
        if any(isinstance(part, str) for part in turn.parts):
            _say(messages, turn.text)
    return messages, system


def _say(messages: list[_Message], text: str) -> None:
    if messages and messages[-1].holds_media:
        messages[-1].pieces += [Piece("text", " "), Piece("text", text)]
    else:
        messages.append(_Message(False, [Piece("text", text)]))


def _merge_neighbours(messages: Sequence[_Message]) -> list[_Message]:
    merged: list[_Message] = []
    for message in messages:
        if merged and merged[-1].is_assistant == message.is_assistant:
            last = merged[-1].pieces[-1]
            blank = "" if last.kind == "text" and last.value.endswith(" ") else " "
            merged[-1].pieces += [Piece("text", blank), *message.pieces]
        else:
            merged.append(_Message(message.is_assistant, list(message.pieces)))
    return merged
