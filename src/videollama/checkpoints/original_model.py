"""From the authors' files to our configuration and tensors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.checkpoints.decoder import Decoder, read_decoder
from videollama.checkpoints.frozen_files import find_frozen_file
from videollama.checkpoints.original import OriginalFiles, find_original_files
from videollama.checkpoints.original_keys import (
    map_audio_branch_keys,
    map_image_qformer_keys,
    map_imagebind_keys,
    map_video_branch_keys,
    map_vit_keys,
)
from videollama.checkpoints.original_sizes import (
    MissingTensorError,
    imagebind_sizes,
    qformer_sizes,
    tensor_of,
    vit_sizes,
)
from videollama.checkpoints.released_files import (
    IMAGE_QFORMER_FILE,
    IMAGEBIND_FILE,
    VIT_FILE,
)
from videollama.checkpoints.tensor_files import read_checkpoint
from videollama.checkpoints.unused_keys import require_all_used
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from videollama.configuration import VideoLlamaConfig
    from videollama.processing import VideoLlamaProcessor

Tensors = dict[str, "Tensor"]


def read_original(
    folder: Path, checkpoint: Path | None = None, *, imagebind_vision: bool = False
) -> "tuple[VideoLlamaConfig, dict[str, Tensor], VideoLlamaProcessor]":
    """Read a model as released.

    Args:
        folder: where the files are, see `videollama.checkpoints.original`.
        checkpoint: the branch checkpoint to use, where there are several.
        imagebind_vision: keep ImageBind's vision trunk, with which the audio branch was trained.

    Returns:
        Configuration, tensors by our names (memory-mapped, untouched), processor.

    Raises:
        CheckpointError: a file is missing, damaged, or does not belong to the others.
    """
    found = find_original_files(folder, checkpoint)
    parts = _Parts(folder, found.tensors)
    with _told_of(found.video.path):
        sizes, tensors = _picture_branch(parts)
    if found.audio is not None:
        with _told_of(found.audio.path):
            sound_sizes, sound_tensors = _sound_branch(parts, vision=imagebind_vision)
        sizes, tensors = {**sizes, **sound_sizes}, {**tensors, **sound_tensors}
    require_all_used(found.tensors, tensors, str(found.video.path))
    tensors.update(
        {f"language_model.{key}": tensor for key, tensor in _decoder_tensors(found, parts).items()}
    )
    return _finish(found, sizes, tensors)


class _Parts:
    """The frozen encoders' tensors: from the branch checkpoint if it is a whole model, or files."""

    def __init__(self, folder: Path, branches: Tensors) -> None:
        self.folder, self.branches = folder, branches

    @contextmanager
    def read(self, prefix: str, file_name: str) -> Iterator[tuple[Tensors, str]]:
        """Tensors and the prefix of their names; what the block misses is told of their file."""
        frozen = {key for key in self.branches if key.startswith(prefix)}
        if any(key.endswith(".weight") for key in frozen):
            yield self.branches, prefix
            return
        file = find_frozen_file(self.folder, file_name)
        with _told_of(file):
            yield read_checkpoint(file)[0], ""


@contextmanager
def _told_of(file: Path) -> Iterator[None]:
    try:
        yield
    except MissingTensorError as error:
        raise CheckpointError(
            f"{file} does not hold what its name says: {error}. Fetch it again, or give the file "
            "that holds it this name."
        ) from error


def _picture_branch(parts: _Parts) -> tuple[dict[str, Any], Tensors]:
    sizes: dict[str, Any] = {
        "video_qformer_config": qformer_sizes(parts.branches, "video_Qformer."),
        "num_video_query_tokens": tensor_of(parts.branches, "video_query_tokens").shape[1],
        "max_frames": tensor_of(parts.branches, "video_frame_position_embedding.weight").shape[0],
    }
    with parts.read("visual_encoder.", VIT_FILE) as (vit, prefix):
        sizes["vision_config"] = vit_sizes(vit, prefix)
        tensors = map_vit_keys(vit, sizes["vision_config"]["num_hidden_layers"], prefix)
    with parts.read("Qformer.", IMAGE_QFORMER_FILE) as (blip2, _):
        sizes["image_qformer_config"] = qformer_sizes(blip2, "Qformer.")
        sizes["num_image_query_tokens"] = tensor_of(blip2, "query_tokens").shape[1]
        tensors |= map_image_qformer_keys(blip2)
    return sizes, tensors | map_video_branch_keys(parts.branches)


def _sound_branch(parts: _Parts, *, vision: bool) -> tuple[dict[str, Any], Tensors]:
    sizes: dict[str, Any] = {
        "audio_qformer_config": qformer_sizes(parts.branches, "audio_Qformer."),
        "num_audio_query_tokens": tensor_of(parts.branches, "audio_query_tokens").shape[1],
        "max_segments": tensor_of(parts.branches, "audio_position_embedding.weight").shape[0],
    }
    with parts.read("audio_encoder.", IMAGEBIND_FILE) as (imagebind, prefix):
        encoder_sizes = imagebind_sizes(imagebind, prefix, vision=vision)
        sizes["audio_config"] = {"model_type": "imagebind", **encoder_sizes}
        tensors = map_imagebind_keys(imagebind, prefix, vision=vision)
    return sizes, tensors | map_audio_branch_keys(parts.branches)


def _decoder_tensors(found: OriginalFiles, parts: _Parts) -> Tensors:
    """The decoder's own, overridden by those of a checkpoint that holds the whole model."""
    inside = {
        key.removeprefix("llama_model."): tensor
        for key, tensor in parts.branches.items()
        if key.startswith("llama_model.") and not key.endswith("rotary_emb.inv_freq")
    }
    return inside or read_decoder(found.decoder)


def _finish(
    found: OriginalFiles, sizes: dict[str, Any], tensors: Tensors
) -> "tuple[VideoLlamaConfig, dict[str, Tensor], VideoLlamaProcessor]":
    from videollama.checkpoints.tokenizers import load_tokenizer
    from videollama.configuration import VideoLlamaConfig
    from videollama.processing import VideoLlamaProcessor

    decoder = found.decoder
    tokenizer = load_tokenizer(decoder.tokenizer_folder, family="released")
    _check_vocabulary(decoder, tokenizer)
    beyond = max(decoder.config.vocab_size, len(tokenizer))
    config = VideoLlamaConfig(
        family="released",
        text_config=decoder.config.to_dict(),
        prompt_template=found.family or "vicuna",  # the original's default where nothing tells
        languages=["en", "zh"] if found.family in ("billa", "ziya") else None,
        video_token_id=beyond,
        audio_token_id=beyond + 1,
        **{"audio_config": None, **sizes},
    )
    return config, tensors, VideoLlamaProcessor(config, tokenizer)


def _check_vocabulary(decoder: Decoder, tokenizer: Any) -> None:
    if len(tokenizer) > decoder.config.vocab_size:
        raise CheckpointError(
            f"The tokenizer in {decoder.tokenizer_folder} knows {len(tokenizer)} tokens, but the "
            f"decoder {decoder.config.vocab_size}; one of them belongs to another model."
        )
