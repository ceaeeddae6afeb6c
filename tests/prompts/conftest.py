"""Tokenizers of the two kinds a prompt meets: byte-level BPE and LLaMA's sentencepiece."""

from pathlib import Path

import pytest

from videollama.prompts import LegacyLlamaTokenizer, PlaceholderTokens

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
VIDEO, AUDIO = 9001, 9002


@pytest.fixture(scope="session")
def llama_tokenizer():
    return LegacyLlamaTokenizer.from_pretrained(FIXTURES / "tokenizer")


@pytest.fixture(scope="session")
def placeholders():
    return PlaceholderTokens(VIDEO, AUDIO, num_video_query_tokens=3, num_audio_query_tokens=2)


@pytest.fixture(scope="session")
def written():
    """The prompt as a person would write it down, media in round brackets."""

    def write(pieces):
        marks = {"bos": "<s>", "eos": "</s>", "video": "(video)", "audio": "(audio)"}
        marks |= {"video_begin": "(begin)", "video_end": "(end)"}
        return "".join(marks.get(piece.kind, piece.value) for piece in pieces)

    return write
