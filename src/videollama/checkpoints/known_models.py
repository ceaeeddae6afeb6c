"""The models that can be named without a path, and how much of each is on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videollama.checkpoints.cache import cache_folder
from videollama.checkpoints.pull import missing_parts
from videollama.checkpoints.resolve import DEFAULT_MODEL, RELEASED_MODELS, tiny_package_folder

Status = Literal["ready", "not fetched", "half-fetched", "not installed"]

_GIGABYTES = {"7B": 18.9, "13B": 31.4, "Series": 2.2}


@dataclass(frozen=True)
class KnownModel:
    """One model.

    Attributes:
        name: what to give as `--model`.
        status: whether it can be used without network.
        what: one line about it.
        needs: the command that makes it ready, or "".
        folder: where its files are, None where they are not.
    """

    name: str
    status: Status
    what: str
    needs: str
    folder: Path | None


def known_models() -> list[KnownModel]:
    """The default model and those the authors released; looks at this machine only."""
    return [_tiny(), *(_released(name) for name in RELEASED_MODELS)]


def _tiny() -> KnownModel:
    what = "default: EfficientNet-Lite2, own sound encoder, SmolLM2-135M-Instruct; runs on a CPU"
    if not (tiny_package_folder() / "config.json").exists():
        return KnownModel(
            DEFAULT_MODEL, "not installed", what, "pip install --force-reinstall videollama", None
        )
    if missing_parts():
        return KnownModel(DEFAULT_MODEL, "not fetched", what, "videollama pull", None)
    return KnownModel(DEFAULT_MODEL, "ready", what, "", cache_folder() / "tiny")


def _released(name: str) -> KnownModel:
    size = next(key for key in _GIGABYTES if key in name)
    what = f"as released; about {_GIGABYTES[size]} GB" + (
        " without its language models, which have to be put beside it" if size == "Series" else ""
    )
    folder, complete = _hub_copy(name)
    if folder is None:
        return KnownModel(name, "not fetched", what, f"videollama pull {name}", None)
    if not complete:
        return KnownModel(name, "half-fetched", what, f"videollama pull {name}", folder)
    return KnownModel(name, "ready", what, "", folder)


def _hub_copy(name: str) -> tuple[Path | None, bool]:
    """The newest snapshot in the hub's cache, and whether nothing is left half-fetched."""
    from huggingface_hub.constants import HF_HUB_CACHE

    repository = Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    snapshots = sorted(repository.glob("snapshots/*"), key=lambda path: path.stat().st_mtime)
    if not snapshots:
        return None, False
    partial = any(repository.glob("blobs/*.incomplete"))
    return snapshots[-1], not partial and any(snapshots[-1].glob("*.pth"))
