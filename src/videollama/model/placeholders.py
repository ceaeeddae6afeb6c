"""Where the tokens of clips go into a prompt.

Letters: B prompts, L tokens of a prompt, N clips in the whole batch, Q tokens of a clip, D width.
"""

from torch import Tensor

from videollama.errors import InputError


def fill_placeholders(words: Tensor, places: Tensor, tokens: Tensor | None, kind: str) -> Tensor:
    """Put the tokens of all clips into the marked places, in order.

    Args:
        words: Embeddings of the prompts, `(B, L, D)`.
        places: True where a placeholder stands, `(B, L)`.
        tokens: What goes there, `(N, Q, D)`, or `None` where there is no clip.
        kind: "video" or "audio", for the error.

    Returns:
        Embeddings, `(B, L, D)`.

    Raises:
        InputError: There are not as many places as tokens.
    """
    num_places = int(places.sum())
    num_tokens = 0 if tokens is None else tokens.shape[0] * tokens.shape[1]
    if num_places != num_tokens:
        raise InputError(
            f"The prompts hold {num_places} {kind} placeholders for {num_tokens} {kind} tokens; "
            "write one placeholder per token of every clip."
        )
    if tokens is None:
        return words
    return words.masked_scatter(places.to(words.device).unsqueeze(-1), tokens.to(words))
