"""Read a model as its authors released it: find the files, check that they belong together.

    folder/VL_….pth        vision-language branch: video queries, positions, Q-Former, projection
    folder/AL_….pth        audio-language branch, likewise (optional: without it the model is deaf)
    folder/<decoder>/      the language model, .bin or safetensors, or a PEFT adapter of it
    folder/imagebind_huge.pth   eva_vit_g.pth   blip2_pretrained_flant5xxl.pth   (frozen encoders)

The original loads any mix of these without a word and then talks nonsense. Here families, widths
and vocabularies must agree, every tensor must have its place, and a refusal names what would fit.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from videollama.checkpoints.decoder import Decoder, find_decoders
from videollama.checkpoints.released_files import (
    FROZEN_FILES,
    Family,
    family_of_checkpoint,
    fitting_checkpoints,
    fitting_decoders,
    stage_of_name,
)
from videollama.checkpoints.tensor_files import read_checkpoint
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

Branch = Literal["video", "audio"]
PROJECTIONS: dict[Branch, str] = {
    "video": "llama_proj.weight",
    "audio": "audio_llama_proj.weight",
}
_BASE_MODEL = re.compile(r"llama-?2-\d+b(-hf)?")


@dataclass(frozen=True)
class BranchCheckpoint:
    """One `.pth` with a trained branch, or with both.

    Attributes:
        path: the file.
        tensors: its tensors by the original's names, without optimizer states.
        family: the decoder's family it was trained with, where that can be told.
    """

    path: Path
    tensors: "dict[str, Tensor]" = field(repr=False)
    family: Family | None

    def hidden_size(self, branch: Branch) -> int | None:
        """Width of the decoder this branch speaks to; None if the file lacks the branch."""
        projection = self.tensors.get(PROJECTIONS[branch])
        return None if projection is None else projection.shape[0]


@dataclass(frozen=True)
class OriginalFiles:
    """The files of one model, checked against one another.

    Attributes:
        video: checkpoint of the vision-language branch.
        audio: checkpoint of the audio-language branch; None for a deaf model.
        decoder: the language model.
    """

    video: BranchCheckpoint
    audio: BranchCheckpoint | None
    decoder: Decoder

    @property
    def family(self) -> Family | None:
        """Whose prompts the model speaks; None where nothing tells."""
        return self.video.family or self.decoder.family

    @property
    def tensors(self) -> "dict[str, Tensor]":
        """The branches' tensors; where both files hold one, the audio file's wins, as there."""
        return {**self.video.tensors, **(self.audio.tensors if self.audio else {})}


def find_original_files(folder: Path, checkpoint: Path | None = None) -> OriginalFiles:
    """Choose the files of one model in a folder, and refuse a mix that does not belong together.

    Args:
        folder: a folder laid out as released.
        checkpoint: the branch checkpoint to use, where there are several.

    Raises:
        CheckpointError: a part is missing, several fit, or none does; the message names what would.
    """
    branches = [
        _open_branch(path) for path in sorted(folder.glob("*.pth")) if path.name not in FROZEN_FILES
    ]
    decoders = find_decoders(folder)
    chosen = [branch for branch in branches if checkpoint and branch.path.samefile(checkpoint)]
    video = _choose_video(
        folder, [b for b in chosen if b.hidden_size("video")] or branches, decoders
    )
    decoder = _choose_decoder(folder, video, decoders)
    audio = _choose_audio([b for b in chosen if b.hidden_size("audio")] or branches, video)
    return OriginalFiles(video, audio, decoder)


def _open_branch(path: Path) -> BranchCheckpoint:
    tensors, settings = read_checkpoint(path)
    return BranchCheckpoint(path, tensors, family_of_checkpoint(path.name, settings))


def _choose_video(
    folder: Path, branches: list[BranchCheckpoint], decoders: list[Decoder]
) -> BranchCheckpoint:
    candidates = [branch for branch in branches if branch.hidden_size("video")]
    if not candidates:
        raise CheckpointError(
            f"{folder} has no checkpoint of the vision-language branch (a .pth with "
            f"{PROJECTIONS['video']}), like {fitting_checkpoints('video', None, 4096)}."
        )
    if len(candidates) == 1:
        return candidates[0]
    fitting = [b for b in candidates if any(not _mismatch(b, "video", d) for d in decoders)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(branch.path.name for branch in fitting or candidates)
    raise CheckpointError(
        f"{folder} holds several vision-language checkpoints ({names}); give the path of "
        "the one to use."
    )


def _choose_decoder(folder: Path, video: BranchCheckpoint, decoders: list[Decoder]) -> Decoder:
    wanted = fitting_decoders(video.family, video.hidden_size("video") or 0)
    if not decoders:
        raise CheckpointError(
            f"{folder} has no language model; put the folder of {wanted} inside, which "
            f"{video.path.name} was trained with."
        )
    reasons = {decoder.folder.name: _mismatch(video, "video", decoder) for decoder in decoders}
    fitting = [decoder for decoder in decoders if not reasons[decoder.folder.name]]
    if not fitting:
        raise CheckpointError(
            f"{video.path.name} and the language models here do not belong together: "
            f"{'; '.join(str(reason) for reason in reasons.values())}. {video.path.name} needs "
            f"{wanted}."
        )
    same_family = [decoder for decoder in fitting if decoder.family == video.family]
    if len(same_family or fitting) > 1:
        names = ", ".join(decoder.folder.name for decoder in same_family or fitting)
        raise CheckpointError(
            f"{folder} holds several language models that fit {video.path.name} ({names}); "
            "keep one."
        )
    return (same_family or fitting)[0]


def _choose_audio(
    branches: list[BranchCheckpoint], video: BranchCheckpoint
) -> BranchCheckpoint | None:
    candidates = [branch for branch in branches if branch.hidden_size("audio")]
    if video in candidates:
        return video
    reasons = [_branch_mismatch(video, branch) for branch in candidates]
    fitting = [b for b, reason in zip(candidates, reasons, strict=True) if reason is None]
    if candidates and not fitting:
        family, width = video.family, video.hidden_size("video") or 0
        raise CheckpointError(
            f"The branches do not belong together: {'; '.join(str(r) for r in reasons)}. To "
            f"{video.path.name} belongs {fitting_checkpoints('audio', family, width)}."
        )
    same_stage = [
        b for b in fitting if stage_of_name(b.path.name) == stage_of_name(video.path.name)
    ]
    choice = same_stage or fitting
    if len(choice) > 1:
        names = ", ".join(branch.path.name for branch in choice)
        raise CheckpointError(
            f"{video.path.parent} holds several audio-language checkpoints that fit ({names}); "
            "keep one."
        )
    return choice[0] if choice else None


def _mismatch(branch: BranchCheckpoint, kind: Branch, decoder: Decoder) -> str | None:
    """Why a branch does not go with a decoder, or None."""
    width, decoder_width = branch.hidden_size(kind), decoder.config.hidden_size
    if width != decoder_width:
        return (
            f"{branch.path.name} projects to width {width}, but {decoder.folder.name} is "
            f"{decoder_width} wide"
        )
    if branch.family and decoder.family and branch.family != decoder.family:
        return (
            f"{branch.path.name} was trained with {_spoken(branch.family)}, but "
            f"{decoder.folder.name} (vocabulary of {decoder.config.vocab_size}) is "
            f"{_spoken(decoder.family)}"
        )
    if any(_BASE_MODEL.fullmatch(path.name.lower()) for path in (decoder.folder, decoder.base)):
        return f"{decoder.folder.name} is the base model, and the chat model is needed"
    return None


def _branch_mismatch(video: BranchCheckpoint, audio: BranchCheckpoint) -> str | None:
    widths = video.hidden_size("video"), audio.hidden_size("audio")
    if widths[0] != widths[1]:
        return (
            f"{video.path.name} projects to width {widths[0]}, but {audio.path.name} to {widths[1]}"
        )
    if video.family and audio.family and video.family != audio.family:
        return (
            f"{video.path.name} was trained with {_spoken(video.family)}, but {audio.path.name} "
            f"with {_spoken(audio.family)}"
        )
    return None


def _spoken(family: Family) -> str:
    return {"llama_2": "LLaMA-2-Chat", "vicuna": "Vicuna", "billa": "BiLLa", "ziya": "Ziya"}[family]
