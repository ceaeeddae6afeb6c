"""Prompt templates, one per decoder family, with the exact strings each was trained on."""

from videollama.prompts.answers import EndsWith, clean_answer, stop_sequences
from videollama.prompts.chatml import render_chatml
from videollama.prompts.legacy_llama import LegacyLlamaTokenizer
from videollama.prompts.templates import TEMPLATE_NAMES, hears, render
from videollama.prompts.tokenization import (
    PlaceholderTokens,
    TokenizedPrompt,
    encode_plain_text,
    tokenize_pieces,
)
from videollama.prompts.truncation import drop_oldest_turns, last_exchange, original_left_cut
from videollama.prompts.turns import Medium, Piece, Turn

__all__ = [
    "TEMPLATE_NAMES",
    "EndsWith",
    "LegacyLlamaTokenizer",
    "Medium",
    "Piece",
    "PlaceholderTokens",
    "TokenizedPrompt",
    "Turn",
    "clean_answer",
    "drop_oldest_turns",
    "encode_plain_text",
    "hears",
    "last_exchange",
    "original_left_cut",
    "render",
    "render_chatml",
    "stop_sequences",
    "tokenize_pieces",
]
