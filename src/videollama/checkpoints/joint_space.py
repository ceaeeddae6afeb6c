"""ImageBind's trunks for search, from the file that a released model hears with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.checkpoints.frozen_files import locate_frozen_file
from videollama.checkpoints.hub import download_snapshot
from videollama.checkpoints.original_keys import map_imagebind_keys, map_imagebind_text_keys
from videollama.checkpoints.original_sizes import (
    MissingTensorError,
    imagebind_sizes,
    imagebind_text_sizes,
)
from videollama.checkpoints.reasons import reason_in
from videollama.checkpoints.released_files import IMAGEBIND_FILE
from videollama.checkpoints.tensor_files import read_checkpoint
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from videollama.model.joint_space import JointSpace
    from videollama.model.videollama import VideoLlamaForConditionalGeneration

CLIP_TOKENIZER = "openai/clip-vit-large-patch14"
_TOKENIZER_FILES = ["tokenizer*.json", "vocab.json", "merges.txt", "special_tokens_map.json"]
_VISION = "audio_encoder.vision."


def load_joint_space(
    model: "VideoLlamaForConditionalGeneration",
) -> "tuple[JointSpace, Any] | None":
    """Loads what embeds words and pictures beside the sounds that the model embeds.

    Args:
        model: Loaded from a folder as released.

    Returns:
        The space and CLIP's tokenizer; None where the model is another one, or was loaded from a
        folder without `imagebind_huge.pth`.

    Raises:
        CheckpointError: The file is damaged, or the tokenizer is.
        DownloadError: The tokenizer is not on this machine, and the hub cannot be reached.
    """
    from torch import nn

    from videollama.configuration import ImageBindTrunkConfig
    from videollama.model.imagebind import ImageBind
    from videollama.model.joint_space import JointSpace, text_config

    encoder = model.audio_encoder
    if not isinstance(encoder, ImageBind) or not model.name_or_path:
        return None
    folder = Path(model.name_or_path)
    file = locate_frozen_file(folder, IMAGEBIND_FILE)
    if file is None:
        return None
    original = read_checkpoint(file)[0]
    try:
        sizes = imagebind_sizes(original, vision=True)
        text = text_config(**imagebind_text_sizes(original))
    except MissingTensorError as error:
        raise _incomplete(file, str(error)) from error
    space = JointSpace(text, ImageBindTrunkConfig(**sizes["vision_config"]), encoder.audio)
    pictures = {
        f"picture.{name.removeprefix(_VISION)}": tensor
        for name, tensor in map_imagebind_keys(original).items()
        if name.startswith(_VISION)
    }
    words = {f"text.{name}": tensor for name, tensor in map_imagebind_text_keys(original).items()}
    missing, unexpected = space.load_state_dict(pictures | words, strict=False)
    faults = [*unexpected, *(name for name in missing if not name.startswith("sound."))]
    if faults:
        raise _incomplete(file, faults[0])
    for trunk in (space.text, space.picture):
        nn.Module.to(trunk, model.device, model.dtype)
    return space.eval(), _tokenizer(folder)


def _incomplete(file: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{file} does not hold ImageBind's trunks for words and pictures ({reason}); fetch it "
        "again."
    )


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    place = folder / CLIP_TOKENIZER.partition("/")[2]
    if not place.is_dir():
        place = download_snapshot(CLIP_TOKENIZER, _TOKENIZER_FILES)
    try:
        return AutoTokenizer.from_pretrained(place, local_files_only=True)
    except Exception as error:  # tokenizers raises this very class for a damaged file
        raise CheckpointError(
            f"{place} has no usable tokenizer ({reason_in(error)}); fetch {CLIP_TOKENIZER} again."
        ) from error
