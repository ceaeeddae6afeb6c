"""Prompts of any decoder whose tokenizer carries a chat template.

The template is run on marks that stand for the texts; only afterwards are the texts put in, so they
cannot reach the template's control tokens. Media lines are those of the ChatML prompt.
"""

import re
from collections.abc import Sequence
from typing import Any

from videollama.errors import CheckpointError, InputError
from videollama.prompts.chatml import user_pieces
from videollama.prompts.turns import Piece, Turn, check_turns, merge_text

# Private-use characters that no template contains.
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


def render_chat_template(
    turns: Sequence[Turn], tokenizer: Any, *, add_generation_prompt: bool = True
) -> list[Piece]:
    """Lay out a conversation with the tokenizer's own chat template.

    Args:
        turns: User and assistant turns in order; a system turn may come first.
        tokenizer: A transformers tokenizer with a `chat_template`.
        add_generation_prompt: Open the next assistant turn.

    Returns:
        The pieces of the prompt. Assistant texts and the control token behind each are supervised.

    Raises:
        CheckpointError: When the tokenizer has no chat template.
        InputError: When the template refuses the conversation, for example its order of roles.
    """
    check_turns(turns)
    if not tokenizer.chat_template:
        raise CheckpointError(
            "the decoder's tokenizer has no chat template; choose another prompt_template, such as "
            "vicuna, llama_2 or chatml."
        )
    marks = [f"{_OPEN}{number}{_CLOSE}" for number in range(len(turns))]
    layout = _layout(turns, marks, tokenizer, add_generation_prompt)
    if marks and marks[-1] not in layout:  # it wants texts as a list of parts
        parts = [[{"type": "text", "text": mark}] for mark in marks]
        layout = _layout(turns, parts, tokenizer, add_generation_prompt)
    return merge_text(_fill(layout, turns, tokenizer))


def _layout(
    turns: Sequence[Turn], contents: Sequence[Any], tokenizer: Any, add_generation_prompt: bool
) -> str:
    """What the template makes of messages with these contents."""
    messages = [
        {"role": turn.role, "content": content}
        for turn, content in zip(turns, contents, strict=True)
    ]
    try:
        layout: str = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=add_generation_prompt
        )
    except Exception as error:  # a jinja template raises what it likes
        roles = ", ".join(turn.role for turn in turns)
        raise InputError(f"the chat template refuses the messages ({roles}): {error}") from error
    return layout


def _fill(layout: str, turns: Sequence[Turn], tokenizer: Any) -> list[Piece]:
    pieces: list[Piece] = []
    answer_ended = True
    for position, part in enumerate(_MARK.split(layout)):
        if position % 2 == 0:
            frame = _frame_pieces(part, tokenizer)
            if not answer_ended and frame and frame[0].kind == "control":
                frame[0] = Piece("control", frame[0].value, supervised=True)
            pieces += frame
            continue
        turn = turns[int(part)]
        if turn.role == "user":
            pieces += user_pieces(turn)
        else:
            supervised = turn.role == "assistant"
            pieces.append(Piece("text", turn.text.strip(), supervised=supervised))
        answer_ended = turn.role != "assistant"
    return pieces


def _frame_pieces(text: str, tokenizer: Any) -> list[Piece]:
    """Cut the template's own text at the control tokens it uses."""
    words = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
    if not words:
        return [Piece("text", text)] if text else []
    pattern = "(" + "|".join(re.escape(word) for word in words) + ")"
    parts = re.split(pattern, text)
    return [Piece("control" if n % 2 else "text", part) for n, part in enumerate(parts) if part]
