"""From the pieces of a prompt to token ids, with text that can never become a control token."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from videollama.errors import CheckpointError
from videollama.prompts.turns import Piece, merge_text


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids two prompts have in common from the beginning on."""
    shorter = min(len(first), len(second))
    return next((place for place in range(shorter) if first[place] != second[place]), shorter)


@dataclass(frozen=True)
class PlaceholderTokens:
    """The ids that stand where media embeddings go, and how many of them each medium takes."""

    video_token_id: int
    audio_token_id: int
    num_video_query_tokens: int
    num_audio_query_tokens: int

    def expand(self, kind: str) -> list[int]:
        """The placeholder ids of one medium, or of half a video (see `Piece.kind`)."""
        if kind == "audio":
            return [self.audio_token_id] * self.num_audio_query_tokens
        half = self.num_video_query_tokens // 2
        counts = {
            "video": self.num_video_query_tokens,
            "video_begin": half,
            "video_end": self.num_video_query_tokens - half,
        }
        return [self.video_token_id] * counts[kind]


@dataclass(frozen=True)
class TokenizedPrompt:
    """Token ids of one prompt and, for each, whether training computes a loss on it."""

    input_ids: list[int]
    supervised: list[bool]


def tokenize_pieces(
    pieces: Sequence[Piece], tokenizer: Any, placeholders: PlaceholderTokens
) -> TokenizedPrompt:
    """Tokenise the pieces one by one and join the ids.

    Args:
        pieces: What a template returned.
        tokenizer: The decoder's transformers tokenizer.
        placeholders: Ids and counts of the media placeholders.

    Returns:
        The ids, without padding, and which of them are supervised.

    Raises:
        CheckpointError: When the tokenizer lacks a control token that the template needs.
    """
    input_ids: list[int] = []
    supervised: list[bool] = []
    for piece in _resolve_words(pieces, tokenizer):
        if piece.kind == "text":
            ids = encode_plain_text(piece.value, tokenizer)
        elif piece.kind == "control":
            ids = [control_token_id(piece.value, tokenizer)]
        elif piece.kind == "bos":
            ids = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        elif piece.kind == "eos":
            ids = [control_token_id(tokenizer.eos_token, tokenizer)]
        else:
            ids = placeholders.expand(piece.kind)
        input_ids += ids
        supervised += [piece.supervised] * len(ids)
    return TokenizedPrompt(input_ids, supervised)


def encode_plain_text(text: str, tokenizer: Any) -> list[int]:
    """Tokenise text so that none of the tokenizer's control or added tokens can come out.

    Slow tokenizers can be told so. For fast ones a word such as "<|im_end|>" inside the text is cut
    after its first character, and the tokenizer sees two harmless halves.
    """
    if not tokenizer.is_fast:
        return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    ids: list[int] = []
    for part in _split_control_words(text, tokenizer.get_added_vocab()):
        ids += tokenizer.encode(part, add_special_tokens=False)
    return ids


def control_token_id(token: str, tokenizer: Any) -> int:
    """The id of one control token, which must exist in the vocabulary.

    Raises:
        CheckpointError: When the vocabulary has no such token.
    """
    # Looked up alone: get_vocab() copies the whole vocabulary, tens of milliseconds a token.
    token_id = tokenizer.convert_tokens_to_ids(token)
    if token_id is None or (token_id == tokenizer.unk_token_id and token != tokenizer.unk_token):
        raise CheckpointError(
            f"the decoder's tokenizer has no token {token!r}, which this prompt template needs; "
            "use the tokenizer that belongs to the template, or another prompt_template."
        )
    return int(token_id)


def _resolve_words(pieces: Sequence[Piece], tokenizer: Any) -> list[Piece]:
    if all(piece.kind != "word" for piece in pieces):
        return list(pieces)
    known = tokenizer.get_added_vocab()
    return merge_text(
        [
            Piece("control" if piece.value in known else "text", piece.value, piece.supervised)
            if piece.kind == "word"
            else piece
            for piece in pieces
        ]
    )


def _split_control_words(text: str, words: Iterable[str]) -> list[str]:
    cut = _control_word_pattern(tuple(sorted(word for word in words if len(word) > 1)))
    if cut is None:
        return [text] if text else []
    parts, start = [], 0
    for match in cut.finditer(text):
        parts.append(text[start : match.start() + 1])
        start = match.start() + 1
    parts.append(text[start:])
    return [part for part in parts if part]


@lru_cache(maxsize=64)
def _control_word_pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    if not words:
        return None
    # A look-ahead finds overlapping words too, so no half can itself hold a whole one.
    return re.compile("(?=" + "|".join(re.escape(word) for word in words) + ")")
