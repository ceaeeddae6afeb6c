"""A decoder's folder: configuration, tensors, tokenizer; a PEFT adapter is merged into its base."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.checkpoints.adapters import base_model_of, merge_adapter
from videollama.checkpoints.model_configs import read_decoder_config
from videollama.checkpoints.released_files import Family, family_of_decoder
from videollama.checkpoints.resolve import read_json
from videollama.checkpoints.tensor_files import read_tensors
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

_NO_DECODERS = {"bert", "video_llama"}  # bert-base-uncased lies beside the original's files


@dataclass(frozen=True)
class Decoder:
    """One language model on disk.

    Attributes:
        folder: the folder that was found, for messages and the tokenizer.
        base: the folder with the weights; another one only where `folder` holds a PEFT adapter.
        config: its transformers configuration.
        family: whose checkpoints it goes with, where that can be told.
    """

    folder: Path
    base: Path
    config: Any
    family: Family | None

    @property
    def is_adapter(self) -> bool:
        """Whether the folder holds a PEFT adapter."""
        return self.folder != self.base

    @property
    def tokenizer_folder(self) -> Path:
        """Where the tokenizer is: with the adapter if it brought one."""
        own = (self.folder / "tokenizer_config.json").exists()
        return self.folder if own else self.base


def find_decoders(folder: Path) -> list[Decoder]:
    """All language models in the sub-folders, by name."""
    return [
        decoder
        for path in sorted(folder.iterdir())
        if path.is_dir() and (decoder := open_decoder(path)) is not None
    ]


def open_decoder(folder: Path) -> Decoder | None:
    """The language model in a folder, or None if it holds something else.

    Raises:
        CheckpointError: a PEFT adapter whose base model is not on this machine, a vicuna delta, or
            a configuration that describes no model.
    """
    base = _adapter_base(folder) if (folder / "adapter_config.json").exists() else folder
    if not (base / "config.json").exists():
        return None
    if read_json(base / "config.json").get("model_type") in _NO_DECODERS:
        return None
    if "delta" in folder.name.lower():
        raise CheckpointError(
            f"{folder} holds the difference to LLaMA, not a language model; add it to LLaMA first "
            "(FastChat's apply_delta)."
        )
    config = read_decoder_config(base)
    family = family_of_decoder(folder.name, config) or family_of_decoder(base.name, config)
    return Decoder(folder, base, config, family)


def read_decoder(decoder: Decoder) -> "dict[str, Tensor]":
    """The decoder's tensors by transformers' names, with an adapter merged in.

    Raises:
        CheckpointError: files are damaged, half-downloaded, or the adapter does not fit.
    """
    tensors = _merged(decoder) if decoder.is_adapter else read_tensors(decoder.base)
    return {
        key: tensor for key, tensor in tensors.items() if not key.endswith("rotary_emb.inv_freq")
    }


def _adapter_base(folder: Path) -> Path:
    named = base_model_of(folder)
    for candidate in (Path(named).expanduser(), folder.parent / Path(named).name):
        if (candidate / "config.json").exists():
            return candidate
    raise CheckpointError(
        f"{folder} is an adapter for {named}, which is not here; put that model's folder into "
        f"{folder.parent}."
    )


def _merged(decoder: Decoder) -> "dict[str, Tensor]":
    from transformers import AutoModelForCausalLM

    read_tensors(decoder.base)  # says clearly what is wrong with a broken base
    base = AutoModelForCausalLM.from_pretrained(decoder.base, local_files_only=True)
    return dict(merge_adapter(base, decoder.folder).state_dict())
