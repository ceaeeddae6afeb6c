"""The tokenizer in a model's folder."""

from pathlib import Path
from typing import Any

from videollama.checkpoints.cache import tiny_decoder_folder
from videollama.checkpoints.reasons import reason_in
from videollama.errors import CheckpointError, ModelNotFoundError

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model")


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


def find_tokenizer(ref: str | None) -> Any | None:
    """The tokenizer that a model reads with; nothing else of the model is loaded or fetched.

    Args:
        ref: The folder of a model or of its decoder; "tiny", or None, for the default model.

    Returns:
        The tokenizer; None when none was asked for and the default one is not on this machine.

    Raises:
        ModelNotFoundError: there is no such folder.
        CheckpointError: the folder has no tokenizer, or the default one was not fetched yet.
    """
    if ref is None or ref == "tiny":
        folder = tiny_decoder_folder()
        if folder.is_dir():
            return load_tokenizer(folder, family="tiny")
        if ref is None:
            return None
        raise CheckpointError("The tokenizer of tiny is not here yet; run: videollama pull")
    folder = Path(ref).expanduser()
    if not folder.is_dir():
        raise ModelNotFoundError(f"{ref} is no folder; name that of a model or of its decoder.")
    from videollama.checkpoints.decoder import find_decoders

    if not any((folder / name).exists() for name in _TOKENIZER_FILES):
        decoders = find_decoders(folder)
        if len(decoders) != 1:
            raise CheckpointError(
                f"{folder} has no tokenizer, and {len(decoders)} decoders below it; name the "
                "folder that holds tokenizer.model or tokenizer.json."
            )
        folder = decoders[0].tokenizer_folder
    is_llama = (folder / "tokenizer.model").exists()
    return load_tokenizer(folder, family="released" if is_llama else "tiny")
