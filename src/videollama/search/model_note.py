"""The note in a library that tells which layout it has, and which model filled it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import InputError

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration

LAYOUT = 1
"""Changes with the tables; libraries of another layout are refused."""

NOTE_NAME = "videollama.json"
_OTHERS_WEIGHTS = ("language_model.", "vision_encoder.", "audio_encoder.")
_SAMPLED_VALUES = 1024


@dataclass(frozen=True)
class ModelNote:
    """Which model filled a database.

    Attributes:
        fingerprint: Tells its weights from others'.
        width: Length of a vector.
    """

    fingerprint: str
    width: int


def note_of(
    model: "VideoLlamaForConditionalGeneration", joint_width: int | None = None
) -> ModelNote:
    """Tells a model's weights between the encoders and the decoder from others'.

    These make the tokens, and belong to one decoder. They are compared as bfloat16, so the same
    model is the same whatever its numbers are kept in.

    Args:
        model: What fills the database.
        joint_width: Of ImageBind's vectors, where they stand in place of the model's own.
    """
    config = model.config
    sizes = [config.family, config.text_config.hidden_size, config.text_config.num_hidden_layers]
    digest = hashlib.sha256(json.dumps(sizes).encode())
    for name, weight in sorted(model.state_dict().items()):
        if not name.startswith(_OTHERS_WEIGHTS):
            values = weight.detach().flatten()[:_SAMPLED_VALUES].to("cpu", torch.bfloat16)
            digest.update(name.encode())
            digest.update(values.view(torch.int16).numpy().tobytes())
    fingerprint = digest.hexdigest()[:16]
    if joint_width is not None:
        return ModelNote(f"{fingerprint}-imagebind", joint_width)
    return ModelNote(fingerprint, config.text_config.hidden_size)


def write_note(folder: Path, note: ModelNote) -> None:
    """Makes a folder with tables a library."""
    with new_file(folder / NOTE_NAME) as draft:
        facts = {"layout": LAYOUT, **asdict(note)}
        draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def read_note(folder: Path) -> ModelNote | None:
    """The note of a library; None where there is none.

    Raises:
        InputError: It is damaged, or of another layout.
    """
    path = folder / NOTE_NAME
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        layout, note = facts["layout"], ModelNote(str(facts["fingerprint"]), int(facts["width"]))
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{path} is damaged; remove the library {folder} and index again."
        ) from None
    if layout != LAYOUT:
        raise InputError(
            f"The library {folder} was made by another version of videollama (layout {layout}, "
            f"this one reads {LAYOUT}); index into another --db."
        )
    return note
