"""What a model reference means: the default, a folder, a file, or a name on the hub."""

import difflib
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from videollama.errors import CheckpointError, ModelNotFoundError

DEFAULT_MODEL = "tiny"
_OWNER = "DAMO-NLP-SG"
RELEASED_MODELS = (
    f"{_OWNER}/Video-LLaMA-2-7B-Finetuned",
    f"{_OWNER}/Video-LLaMA-2-7B-Pretrained",
    f"{_OWNER}/Video-LLaMA-2-13B-Finetuned",
    f"{_OWNER}/Video-LLaMA-2-13B-Pretrained",
    f"{_OWNER}/Video-LLaMA-Series",
)
_HALF_FETCHED = ("*.incomplete", "*.part", "*.aria2", "*.crdownload", "*.tmp")
_LFS_POINTER = b"version https://git-lfs"

Kind = Literal["tiny", "ours", "original", "adapter"]


@dataclass(frozen=True)
class ResolvedModel:
    """Where a model's files are and how they are laid out.

    Attributes:
        kind: "tiny" and "ours" hold our config.json, "tiny" without decoder and image encoder (they
            come from the cache); "original" is laid out as the authors released it; "adapter" is a
            PEFT folder on top of another model.
        folder: the folder with the files.
        checkpoint: the one `.pth` that was asked for, where a folder holds several.
    """

    kind: Kind
    folder: Path
    checkpoint: Path | None = None


def resolve(ref: str | Path | None = None) -> ResolvedModel:
    """Find the files of a model; fetches a hub name that is not on this machine yet.

    Args:
        ref: None or "tiny" for the default; a folder of ours; a folder as released by the authors;
            one `.pth` of such a folder; a PEFT folder; or a hub name "owner/name".

    Raises:
        ModelNotFoundError: nothing of that name; the message names the nearest known model.
        CheckpointError: a folder that is no model, or whose download never finished.
        DownloadError: a hub name, and no network.
    """
    if ref is None or str(ref) == DEFAULT_MODEL:
        return ResolvedModel("tiny", tiny_package_folder())
    path = Path(ref).expanduser()
    if path.is_dir():
        return _local_folder(path)
    if path.is_file():
        return _local_file(path)
    name = known_hub_name(str(ref)) or _other_hub_name(str(ref))
    if name is None:
        raise ModelNotFoundError(_not_found(str(ref)))
    from videollama.checkpoints.hub import download_snapshot

    try:
        return _local_folder(download_snapshot(name))
    except ModelNotFoundError as error:
        raise ModelNotFoundError(_not_found(str(ref))) from error


def tiny_package_folder() -> Path:
    """The part of the default model that ships inside the package."""
    return Path(str(files("videollama").joinpath("weights", "tiny")))


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: the file is not JSON, or not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{path} is not readable JSON ({error}); fetch it again, its download may have stopped."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} does not hold a JSON object; it is no model configuration.")
    return content


def require_complete(folder: Path) -> None:
    """Refuse a folder whose download stopped half-way.

    Raises:
        CheckpointError: listed shards are absent, partial files or git-lfs pointers lie there.
    """
    remedy = "fetch the model again"
    for pattern in _HALF_FETCHED:
        if partial := next(folder.glob(pattern), None):
            raise CheckpointError(f"{folder} is half-downloaded ({partial.name}); {remedy}.")
    for index in folder.glob("*.index.json"):
        shards = set(read_json(index).get("weight_map", {}).values())
        if absent := sorted(name for name in shards if not (folder / name).exists()):
            raise CheckpointError(
                f"{folder} is half-downloaded: {', '.join(absent)} of {len(shards)} files in "
                f"{index.name} missing; {remedy}."
            )
    for path in folder.iterdir():
        if path.suffix in {".safetensors", ".bin", ".pth"} and path.is_file():
            _require_content(path, remedy)


def _require_content(path: Path, remedy: str) -> None:
    with path.open("rb") as stream:
        start = stream.read(len(_LFS_POINTER))
    if not start:
        raise CheckpointError(f"{path} is empty; {remedy}.")
    if start == _LFS_POINTER:
        raise CheckpointError(
            f"{path} is a git-lfs pointer, not the weights; run `git lfs pull` in {path.parent}."
        )


def _local_folder(folder: Path) -> ResolvedModel:
    if (folder / "adapter_config.json").exists():
        return ResolvedModel("adapter", folder)
    config_file = folder / "config.json"
    if config_file.exists():
        model_type = read_json(config_file).get("model_type")
        if model_type == "video_llama":
            require_complete(folder)
            return ResolvedModel("ours", folder)
        if not any(folder.glob("*.pth")):
            raise CheckpointError(
                f"{folder} holds a model of type {model_type!r}, which neither sees nor hears; "
                "give a Video-LLaMA folder, with this one inside as its decoder."
            )
    if any(folder.glob("*.pth")):
        require_complete(folder)
        return ResolvedModel("original", folder)
    require_complete(folder)
    raise CheckpointError(
        f"{folder} holds no Video-LLaMA: neither a config.json of ours nor .pth files of the "
        "authors."
    )


def _local_file(path: Path) -> ResolvedModel:
    if path.suffix == ".pth":
        return ResolvedModel("original", path.parent, checkpoint=path)
    raise CheckpointError(
        f"{path} is not a model; give a model folder or one of the authors' .pth files."
    )


def known_hub_name(ref: str) -> str | None:
    """The released model that a reference means, with or without its owner, or None."""
    for known in RELEASED_MODELS:
        if ref.lower() in {known.lower(), known.split("/")[1].lower()}:
            return known
    return None


def _other_hub_name(ref: str) -> str | None:
    """The hub name meant by a reference that is no path here, or None."""
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", ref) and not ref.endswith(".pth"):
        return ref
    return None


def _not_found(ref: str) -> str:
    known = (DEFAULT_MODEL, *RELEASED_MODELS)
    short = {name.split("/")[-1].lower(): name for name in known}
    nearest = difflib.get_close_matches(ref.split("/")[-1].lower(), list(short), n=1, cutoff=0.4)
    hint = f"did you mean {short[nearest[0]]}?" if nearest else f"known are {', '.join(known)}."
    return f"There is no model {ref!r}, neither a folder here nor a known name; {hint}"
