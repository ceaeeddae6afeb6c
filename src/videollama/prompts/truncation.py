"""Conversations that are longer than the decoder's context.

The original cuts embeddings from the left: BOS, the system sentence and the video go first, and the
model goes on talking about a clip it can no longer see. Here whole old turns go, and media stay.
"""

from collections.abc import Callable, Sequence

from videollama.errors import InputError
from videollama.prompts.turns import Medium, Turn


def original_left_cut(num_tokens: int, *, max_new_tokens: int, max_length: int = 2000) -> int:
    """How many leading embeddings the original's `Chat.answer` throws away.

    Args:
        num_tokens: Length of the prompt, media included.
        max_new_tokens: Room kept for the answer.
        max_length: Context length; the original's default is 2000.

    Returns:
        The number of embeddings to cut from the left, 0 when everything fits.
    """
    return max(0, num_tokens + max_new_tokens - max_length)


def drop_oldest_turns(
    turns: Sequence[Turn], count_tokens: Callable[[Sequence[Turn]], int], max_tokens: int
) -> list[Turn]:
    """Leave out the oldest exchanges until the prompt fits; media and the last question stay.

    Media of a dropped user turn move to the front of the next user turn.

    Args:
        turns: The whole conversation.
        count_tokens: Length of the prompt of a conversation in tokens.
        max_tokens: What the prompt may take.

    Returns:
        The turns that fit.

    Raises:
        InputError: When the last question with its media alone is too long.
    """
    kept = list(turns)
    while (length := count_tokens(kept)) > max_tokens:
        shorter = _without_oldest_exchange(kept)
        if shorter is None:
            raise InputError(
                f"the question and its media take {length} tokens, but only {max_tokens} fit "
                "beside the answer; ask something shorter or lower max_new_tokens."
            )
        kept = shorter
    return kept


def last_exchange(turns: Sequence[Turn]) -> list[Turn]:
    """The last question with the media of all, the system's words before it and what follows it.

    For models that were trained on single questions.
    """
    kept = list(turns)
    while (shorter := _without_oldest_exchange(kept)) is not None:
        kept = shorter
    return kept


def _without_oldest_exchange(turns: Sequence[Turn]) -> list[Turn] | None:
    system = [turn for turn in turns[:1] if turn.role == "system"]
    rest = list(turns[len(system) :])
    users = [position for position, turn in enumerate(rest) if turn.role == "user"]
    if len(users) < 2:
        return None
    media: tuple[str | Medium, ...] = rest[users[0]].media
    following = rest[users[1]]
    joined = Turn("user", (*media, *following.parts))
    return [*system, joined, *rest[users[1] + 1 :]]
