"""Vectors of many files as one file: .npz for NumPy, .json for everything else."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from videollama.inference.embedding import Embedded

_SUFFIXES = (".npz", ".json")


def require_embeddings_name(path: Path) -> None:
    """Refuses names that tell no format.

    Raises:
        OutputError: The suffix is unknown.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise OutputError(f"{path} is not a name for vectors; end it in .npz or .json.")


def write_embeddings(path: Path, results: "Sequence[Embedded]") -> None:
    """Writes the vectors of all files; an old file is replaced.

    A .npz file holds `paths` `(n,)`, and `video`, `audio`, `joint` `(n, D)` as float32; a row of
    what is not there is NaN. `broken_paths` and `broken_reasons` name the files without a row.

    Args:
        path: Ends in .npz or .json.
        results: At least one with vectors.

    Raises:
        OutputError: The file cannot be written, or its suffix is unknown.
    """
    require_embeddings_name(path)
    with new_file(path) as draft:
        if path.suffix.lower() == ".json":
            draft.write_text(f"{json.dumps(as_dict(results))}\n", encoding="utf-8")
            return
        with draft.open("wb") as stream:
            np.savez(stream, **_arrays(results))


def as_dict(results: "Sequence[Embedded]") -> dict[str, Any]:
    """The same as plain lists, strings and numbers, ready for JSON."""
    files = [
        {
            "path": each.path,
            "video": _numbers(each.embedding.video),
            "audio": _numbers(each.embedding.audio),
            "joint": _numbers(each.embedding.vector),
        }
        for each in results
        if each.embedding is not None
    ]
    broken = [{"path": each.path, "error": each.error} for each in results if each.error]
    return {"files": files, "broken": broken}


def _arrays(results: "Sequence[Embedded]") -> dict[str, Any]:
    usable = [(each.path, each.embedding) for each in results if each.embedding is not None]
    width = len(usable[0][1].vector)
    broken = [each for each in results if each.error]
    return {
        "paths": np.array([path for path, _ in usable], dtype=np.str_),
        "video": np.stack([_row(each.video, width) for _, each in usable]),
        "audio": np.stack([_row(each.audio, width) for _, each in usable]),
        "joint": np.stack([_row(each.vector, width) for _, each in usable]),
        "broken_paths": np.array([each.path for each in broken], dtype=np.str_),
        "broken_reasons": np.array([each.error for each in broken], dtype=np.str_),
    }


def _row(vector: "Tensor | None", width: int) -> np.ndarray:
    return np.full(width, np.nan, dtype=np.float32) if vector is None else vector.numpy()


def _numbers(vector: "Tensor | None") -> list[float] | None:
    return None if vector is None else vector.tolist()
