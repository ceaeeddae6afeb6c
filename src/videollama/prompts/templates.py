"""One entry to all prompt templates."""

from collections.abc import Sequence
from typing import Any, get_args

from videollama.configuration import PromptTemplate
from videollama.errors import InputError
from videollama.prompts.chat_template import render_chat_template
from videollama.prompts.chatml import render_chatml
from videollama.prompts.native import render_billa_native, render_ziya_native
from videollama.prompts.released import hears_released, render_llama_2, render_vicuna
from videollama.prompts.turns import Medium, Piece, Turn

TEMPLATE_NAMES: tuple[str, ...] = get_args(PromptTemplate)


def render(
    template: str, turns: Sequence[Turn], tokenizer: Any, *, add_generation_prompt: bool = True
) -> list[Piece]:
    """Lay out a conversation for one decoder family.

    Args:
        template: One of `TEMPLATE_NAMES`. "billa" and "ziya" are the Vicuna form without frame
            times, as Video-LLaMA trained them; "..._native" are the models' own forms.
        turns: The conversation; a system turn may come first.
        tokenizer: Used by "tokenizer" only, for its chat template.
        add_generation_prompt: Open the assistant's next turn ("llama_2" needs no opening).

    Returns:
        The pieces of the prompt.

    Raises:
        InputError: For an unknown template or a conversation the template cannot hold.
    """
    opening = add_generation_prompt
    match template:
        case "vicuna":
            return render_vicuna(turns, add_generation_prompt=opening)
        case "billa" | "ziya":
            return render_vicuna(turns, add_generation_prompt=opening, state_frame_times=False)
        case "llama_2":
            return render_llama_2(turns)
        case "billa_native":
            return render_billa_native(turns, add_generation_prompt=opening)
        case "ziya_native":
            return render_ziya_native(turns, add_generation_prompt=opening)
        case "chatml":
            return render_chatml(turns, add_generation_prompt=opening)
        case "tokenizer":
            return render_chat_template(turns, tokenizer, add_generation_prompt=opening)
    raise InputError(
        f"unknown prompt template {template!r}; use one of {', '.join(TEMPLATE_NAMES)}."
    )


def hears(template: str, medium: Medium) -> bool:
    """Whether this template gives the sound of a medium to the model as embeddings.

    The released models hear digital silence too, as the original does; the others are told of it.
    """
    if template in ("chatml", "tokenizer"):
        return medium.kind != "image" and medium.audio_status == "present"
    return hears_released(medium)
