"""Text broken into the two short lines of a subtitle."""

MOST_CHARACTERS_PER_LINE = 42
_ELLIPSIS = "…"


def two_line_chunks(text: str) -> list[str]:
    """Breaks a text into pieces of one or two lines of at most 42 characters.

    Args:
        text: Without line breaks.

    Returns:
        Pieces in order; none for an empty text.
    """
    chunks: list[str] = []
    held: list[str] = []
    for word in _short_words(text):
        if held and _in_two_lines([*held, word]) is None:
            chunks.append(_in_two_lines(held) or "")
            held = []
        held.append(word)
    return [*chunks, _in_two_lines(held) or ""] if held else chunks


def shortened(text: str, most_characters: int) -> str:
    """The first two lines of a text, or less, so that it has no more than so many characters.

    Args:
        text: With or without line breaks.
        most_characters: Line breaks count as one.

    Returns:
        Ends with "…" where something was left out, and with the bracket of a sound where there was
        one; empty where not even a word fits.
    """
    words = _short_words(text)
    whole = _in_two_lines(words)
    if whole is not None and len(whole) <= most_characters:
        return whole
    close = "]" if text.startswith("[") else ""
    for count in range(len(words) - 1, 0, -1):
        kept = [*words[: count - 1], words[count - 1].rstrip(",.;:") + _ELLIPSIS + close]
        lines = _in_two_lines(kept)
        if lines is not None and len(lines) <= most_characters:
            return lines
    return ""


def _in_two_lines(words: list[str]) -> str | None:
    """The words in one line, else in two of about the same length; None where they do not fit."""
    line = " ".join(words)
    if len(line) <= MOST_CHARACTERS_PER_LINE:
        return line
    breaks = ((" ".join(words[:count]), " ".join(words[count:])) for count in range(1, len(words)))
    fitting = [
        pair for pair in breaks if max(len(pair[0]), len(pair[1])) <= MOST_CHARACTERS_PER_LINE
    ]
    if not fitting:
        return None
    balanced = min(fitting, key=lambda pair: abs(len(pair[0]) - len(pair[1])))
    return "\n".join(balanced)


def _short_words(text: str) -> list[str]:
    """Words; those longer than a line in pieces."""
    width = MOST_CHARACTERS_PER_LINE - 2  # leaves room for "…]"
    return [
        word[first : first + width] for word in text.split() for first in range(0, len(word), width)
    ]
