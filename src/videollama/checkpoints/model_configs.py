"""Configurations in a model's folder: values that make no model are refused by one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.checkpoints.reasons import reason_in
from videollama.checkpoints.resolve import read_json
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from videollama.configuration import VideoLlamaConfig


def read_own_config(folder: Path) -> "VideoLlamaConfig":
    """The configuration of a folder of ours.

    Raises:
        CheckpointError: it is not readable, or describes no model.
    """
    from videollama.configuration import VideoLlamaConfig

    file = folder / "config.json"
    content = read_json(file)
    with _values_of(file):
        return VideoLlamaConfig.from_dict(content)


def read_decoder_config(folder: Path) -> Any:
    """The configuration of a language model's folder, as transformers reads it.

    Raises:
        CheckpointError: it is not readable, or describes no model that transformers knows.
    """
    from transformers import AutoConfig

    file = folder / "config.json"
    read_json(file)
    with _values_of(file):
        return AutoConfig.from_pretrained(folder, local_files_only=True)


def read_generation_config(folder: Path) -> Any:
    """How a folder wants its decoder to write.

    Raises:
        CheckpointError: it is not readable, or holds values that are not possible.
    """
    from transformers import GenerationConfig

    file = folder / "generation_config.json"
    content = read_json(file)
    with _values_of(file):
        return GenerationConfig.from_dict(content)


@contextmanager
def _values_of(file: Path) -> Iterator[None]:
    from huggingface_hub.errors import StrictDataclassError

    try:
        yield
    except (
        StrictDataclassError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OSError,
    ) as error:
        raise CheckpointError(
            f"{file} describes no model that can be used ({reason_in(error)}); fetch it again, or "
            "update transformers if the model is newer."
        ) from error
