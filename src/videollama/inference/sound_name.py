"""The sound that a sentence of the model names."""

import re

_HEARING = re.compile(
    r"^(?:yes|no)?[,.]?\s*(?:i|we|you) (?:can )?hear (?:the sounds? of )?(?:an? |the )?"
    r"|^(?:是的|对)?[，,]?(?:我们?|你)?(?:能|可以)?听(?:到|见)了?",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"\b(?:cannot|can ?not|can't|do not|don't) (?:hear|see)\b|\bno (?:sound|audio)\b|\bsilent\b"
    r"|听不(?:到|见)|没有(?:听到|听见|声音)|没听(?:到|见)|看不(?:到|见)",
    re.IGNORECASE,
)
_FIRST_SENTENCE = re.compile(r"^(.+?)(?:[.!?](?:\s|$)|[。！？])", re.DOTALL)


def sound_name(answer: str) -> str | None:
    """The sound that an answer names: "dog barking" for "I hear a dog barking.".

    Returns:
        Without the opening words and the stop, and of longer answers the first sentence; None where
        the answer says that nothing is heard, or speaks of something else.
    """
    text = " ".join(answer.split())
    if _NOTHING.search(text):
        return None
    sentence = _FIRST_SENTENCE.match(text)
    name = _HEARING.sub("", sentence[1] if sentence else text).strip(" .!?。！？")
    return name or None
