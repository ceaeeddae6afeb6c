"""The files the authors released, and which of them belong together.

A branch checkpoint works with one decoder only: the one it was trained with. Its projection tells
the decoder's width, its file name (or the run's settings inside) the decoder's family.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["llama_2", "vicuna", "billa", "ziya"]

VIT_FILE = "eva_vit_g.pth"
IMAGE_QFORMER_FILE = "blip2_pretrained_flant5xxl.pth"
IMAGEBIND_FILE = "imagebind_huge.pth"
_LAVIS = "https://storage.googleapis.com/sfr-vision-language-research/LAVIS/models/BLIP2"
FROZEN_FILES = {
    VIT_FILE: f"{_LAVIS}/{VIT_FILE}",
    IMAGE_QFORMER_FILE: f"{_LAVIS}/{IMAGE_QFORMER_FILE}",
    IMAGEBIND_FILE: f"https://dl.fbaipublicfiles.com/imagebind/{IMAGEBIND_FILE}",
}

# Rows of the word table that only one family has; LLaMA-2 and merged Vicunas share 32000.
_FAMILY_OF_VOCABULARY: dict[int, Family] = {
    32001: "vicuna",
    46943: "billa",
    46944: "billa",
    39424: "ziya",
}
_FAMILY_OF_NAME: tuple[tuple[str, Family], ...] = (
    (r"vicuna", "vicuna"),
    (r"billa", "billa"),
    (r"ziya", "ziya"),
    (r"llama[-_]?2", "llama_2"),
)


@dataclass(frozen=True)
class ReleasedSet:
    """Files that belong together.

    Attributes:
        family: the decoder's family, which is also the prompt's.
        hidden_size: width of the decoder.
        decoder: the decoder to put beside the files.
        video: checkpoints of the vision-language branch.
        audio: checkpoints of the audio-language branch.
    """

    family: Family
    hidden_size: int
    decoder: str
    video: tuple[str, ...]
    audio: tuple[str, ...] = ()


def _llama_2(size: str, hidden_size: int) -> ReleasedSet:
    stages = ("Finetuned", "Pretrained")
    return ReleasedSet(
        "llama_2",
        hidden_size,
        f"llama-2-{size.lower()}-chat-hf",
        tuple(f"VL_LLaMA_2_{size}_{stage}.pth" for stage in stages),
        tuple(f"AL_LLaMA_2_{size}_{stage}.pth" for stage in stages),
    )


RELEASED_SETS = (
    _llama_2("7B", 4096),
    _llama_2("13B", 5120),
    ReleasedSet(
        "vicuna",
        4096,
        "Vicuna-7B v0 (LLaMA-7B with lmsys/vicuna-7b-delta-v0 applied)",
        ("finetune-vicuna7b-v2.pth", "pretrain_vicuna7b-v2.pth"),
        ("finetune_vicuna7b_audiobranch.pth", "pretrain_vicuna7b_audiobranch.pth"),
    ),
    ReleasedSet(
        "vicuna",
        5120,
        "Vicuna-13B v0 (LLaMA-13B with lmsys/vicuna-13b-delta-v0 applied)",
        ("finetune-vicuna13b-v2.pth", "pretrain-vicuna13b.pth"),
    ),
    ReleasedSet(
        "billa",
        4096,
        "BiLLa-7B-SFT (with its embeddings converted)",
        ("finetune-billa7b-zh.pth", "pretrain-billa7b-zh.pth"),
    ),
    ReleasedSet(
        "ziya",
        5120,
        "Ziya-LLaMA-13B-v1 (LLaMA-13B with the published delta applied)",
        ("finetune-ziya13b-zh.pth", "pretrain-ziya13b-zh.pth"),
    ),
)


def family_of_name(name: str) -> Family | None:
    """The decoder family that a file or folder name speaks of, if any."""
    lowered = name.lower()
    return next((family for part, family in _FAMILY_OF_NAME if re.search(part, lowered)), None)


def family_of_decoder(folder_name: str, config: Any) -> Family | None:
    """The family of a decoder: by a word table only it has, else by its names.

    Args:
        folder_name: name of its folder.
        config: its transformers configuration.
    """
    return (
        _FAMILY_OF_VOCABULARY.get(config.vocab_size)
        or family_of_name(folder_name)
        or family_of_name(str(getattr(config, "_name_or_path", "")))
    )


def family_of_checkpoint(file_name: str, settings: dict[str, Any]) -> Family | None:
    """The family a branch checkpoint was trained with: by its name, else by its run's settings.

    Args:
        file_name: name of the `.pth`.
        settings: the "config" that the original stores beside the tensors; empty if absent.
    """
    if family := family_of_name(file_name):
        return family
    model = settings.get("model")
    trained_with = model.get("llama_model") if isinstance(model, dict) else None
    return family_of_name(str(trained_with or ""))


def stage_of_name(name: str) -> str | None:
    """The stage of training that a file name tells: "finetune", "pretrain" or nothing."""
    return next((stage for stage in ("finetune", "pretrain") if stage in name.lower()), None)


def fitting_decoders(family: Family | None, hidden_size: int) -> str:
    """Words for the decoders that fit a branch checkpoint."""
    return _joined([entry.decoder for entry in _sets(family, hidden_size)])


def fitting_checkpoints(
    branch: Literal["video", "audio"], family: Family | None, hidden_size: int
) -> str:
    """Words for the branch checkpoints that fit a decoder."""
    return _joined(
        [name for entry in _sets(family, hidden_size) for name in getattr(entry, branch)]
    )


def _sets(family: Family | None, hidden_size: int) -> list[ReleasedSet]:
    """Released sets of a family and width; where the width is none of the released, of a family."""
    of_family = [entry for entry in RELEASED_SETS if family in {None, entry.family}]
    of_width = [entry for entry in of_family if entry.hidden_size == hidden_size]
    return of_width or of_family


def _joined(names: list[str]) -> str:
    return " or ".join(names) if names else "no released file"
