"""Read tensors from disk: safetensors, and pickles without running what they hold."""

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.checkpoints.reasons import reason_in
from videollama.checkpoints.resolve import read_json, require_complete
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    import torch

_SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")


def read_tensors(folder: Path) -> "dict[str, torch.Tensor]":
    """All tensors of a transformers folder: one file or shards with an index; safetensors first.

    Raises:
        CheckpointError: no weights there, or a file is damaged, half-downloaded or not a plain
            table of tensors.
    """
    require_complete(folder)
    for name in _SINGLE_FILES:
        if (folder / name).exists():
            return read_tensor_file(folder / name)
        index = folder / f"{name}.index.json"
        if index.exists():
            tensors: dict[str, torch.Tensor] = {}
            for shard in sorted(set(read_json(index)["weight_map"].values())):
                tensors.update(read_tensor_file(folder / shard))
            return tensors
    raise CheckpointError(
        f"{folder} holds no weights ({' or '.join(_SINGLE_FILES)}, whole or in shards)."
    )


def read_tensor_file(path: Path) -> "dict[str, torch.Tensor]":
    """The tensors of one safetensors or pickle file, memory-mapped where the format allows it.

    Raises:
        CheckpointError: the file is damaged, half-downloaded or not a plain table of tensors.
    """
    return _read_safetensors(path) if path.suffix == ".safetensors" else read_checkpoint(path)[0]


def read_checkpoint(path: Path) -> "tuple[dict[str, torch.Tensor], dict[str, Any]]":
    """Tensors and run settings of a pickle file.

    Of a training checkpoint `{"model": …, "optimizer": …, "config": …}` the optimizer is left out.

    Returns:
        Tensors by name (memory-mapped where the format allows it), and the settings or {}.

    Raises:
        CheckpointError: the file is damaged, half-downloaded or not a plain table of tensors.
    """
    import torch

    content = _unpickle(path)
    settings: object = {}
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content, settings = content["model"], content.get("config")
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise CheckpointError(f"{path} holds something else than a table of tensors.")
    return content, settings if isinstance(settings, dict) else {}


def _read_safetensors(path: Path) -> "dict[str, torch.Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise _damaged(path, error) from error


def _unpickle(path: Path) -> object:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} asks to run code while it is read, or is no PyTorch file; it was not opened. "
            "Convert it to safetensors where you trust it."
        ) from error
    except (RuntimeError, EOFError, ValueError) as error:
        raise _damaged(path, error) from error


def _is_zip(path: Path) -> bool:
    """PyTorch's format since 1.6 is a zip archive, which can be memory-mapped."""
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged or half-downloaded ({reason_in(error)}); fetch it again."
    )
