"""Text that grows token by token, shown only as far as it cannot change any more."""

from collections.abc import Callable, Sequence


class GrowingText:
    """What each step adds to an answer's text.

    It is held back while a character or a turn mark is incomplete; joined, the pieces of `add` and
    `rest` are the text of all ids.

    Args:
        decode: Gives the text of the ids so far.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._shown = ""

    def add(self, ids: Sequence[int]) -> str:
        """The piece of text that these new ids complete; often empty."""
        self._ids += ids
        return self._grow(self._decode(self._ids).rstrip("\N{REPLACEMENT CHARACTER}#"))

    def rest(self) -> str:
        """The last piece, of what was held back."""
        return self._grow(self._decode(self._ids))

    def _grow(self, text: str) -> str:
        if not text.startswith(self._shown):
            return ""
        piece = text[len(self._shown) :]
        self._shown = text
        return piece
