r"""The prompts BiLLa-7B-SFT and Ziya-LLaMA-13B-v1 were published with.

    billa_native   Human: {question}\nAssistant: {answer}\nHuman: ...\nAssistant: (ends in a blank)
    ziya_native    <human>:{question}\n<bot>:{answer}\n<human>:...\n<bot>:

Video-LLaMA itself showed both models its Vicuna form; see `released`.
"""

from collections.abc import Sequence

from videollama.prompts.released import medium_pieces
from videollama.prompts.turns import Piece, Turn, check_turns, merge_text


def render_billa_native(
    turns: Sequence[Turn], *, system: str | None = None, add_generation_prompt: bool = True
) -> list[Piece]:
    """Lay out a conversation in BiLLa's own form; a system sentence stands on a line before it."""
    names = Piece("text", "Human: "), Piece("text", "Assistant: ")
    return _render(turns, system, names, add_generation_prompt)


def render_ziya_native(
    turns: Sequence[Turn], *, system: str | None = None, add_generation_prompt: bool = True
) -> list[Piece]:
    """Lay out a conversation in Ziya's own form; a system sentence stands on a line before it."""
    names = Piece("word", "<human>"), Piece("word", "<bot>")
    return _render(turns, system, names, add_generation_prompt, separator=":")


def _render(
    turns: Sequence[Turn],
    system: str | None,
    names: tuple[Piece, Piece],
    add_generation_prompt: bool,
    separator: str = "",
) -> list[Piece]:
    check_turns(turns)
    if turns and turns[0].role == "system":
        system, turns = turns[0].text, turns[1:]
    human, assistant = names
    lines: list[list[Piece]] = [[Piece("text", system)]] if system else []
    for turn in turns:
        if turn.role == "assistant":
            lines.append([assistant, Piece("text", f"{separator}{turn.text}")])
            continue
        content = [Piece("text", separator)]
        for medium in turn.media:
            content += [*medium_pieces(medium, state_frame_times=False), Piece("text", " ")]
        lines.append([human, *content, Piece("text", turn.text)])
    if add_generation_prompt:
        lines.append([assistant, Piece("text", separator)])
    pieces = [Piece("bos")]
    for position, line in enumerate(lines):
        pieces += [Piece("text", "\n" if position else ""), *line]
    return merge_text(pieces)
