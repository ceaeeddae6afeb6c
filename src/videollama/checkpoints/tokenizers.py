"""The tokenizer in a model's folder."""

from pathlib import Path
from typing import Any

from videollama.checkpoints.reasons import reason_in
from videollama.errors import CheckpointError


def load_tokenizer(folder: Path, *, family: str) -> Any:
    """Load a folder's tokenizer.

    Args:
        folder: holds `tokenizer.model`, or tokenizer.json and its settings.
        family: "released" models read LLaMA's sentencepiece file the way they were trained with.

    Raises:
        CheckpointError: the folder has no tokenizer, or a damaged one.
    """
    from transformers import AutoTokenizer

    from videollama.prompts import LegacyLlamaTokenizer

    legacy = family == "released" and (folder / "tokenizer.model").exists()
    loader = LegacyLlamaTokenizer if legacy else AutoTokenizer
    try:
        return loader.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # tokenizers raises this very class for a damaged file
        raise CheckpointError(
            f"{folder} has no usable tokenizer ({reason_in(error)}); fetch "
            "tokenizer.model or tokenizer.json of the decoder again."
        ) from error
