"""Prompt templates, one per decoder family, with the exact strings each was trained on."""

from videollama.prompts.chatml import render_chatml
from videollama.prompts.tokenization import (
    PlaceholderTokens,
    TokenizedPrompt,
    encode_plain_text,
    tokenize_pieces,
)
from videollama.prompts.turns import Medium, Piece, Turn

__all__ = [
    "Medium",
    "Piece",
    "PlaceholderTokens",
    "TokenizedPrompt",
    "Turn",
    "encode_plain_text",
    "render_chatml",
    "tokenize_pieces",
]
