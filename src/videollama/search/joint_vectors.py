"""Vectors of segments and of queries in ImageBind's space, for released models."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from videollama.checkpoints.joint_space import load_joint_space

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama
    from videollama.media.clip import Clip
    from videollama.model.joint_space import JointSpace

_MOST_TOKENS = 77
_PAD = 0


class JointVectors:
    """Embeds words, pictures and sounds so that what belongs together lies close.

    Args:
        assistant: Prepares frames and sound.
        space: ImageBind's trunks.
        tokenizer: CLIP's.
    """

    def __init__(self, assistant: "VideoLlama", space: "JointSpace", tokenizer: Any) -> None:
        self._assistant, self._space, self._tokenizer = assistant, space, tokenizer
        self.width = space.width

    def of_text(self, text: str) -> np.ndarray:
        """A query, `(Do,)`; beyond 77 tokens it is cut, as the original does."""
        ids = self._tokenizer(text, truncation=False)["input_ids"][:_MOST_TOKENS]
        padded = [*ids, *[_PAD] * (_MOST_TOKENS - len(ids))]
        return self._space.of_text(torch.tensor(padded)).numpy()

    def of_segment(
        self, picture: "Clip | None", sound: "Clip | None"
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """A picture and a sound, each `(Do,)`; None where there is none."""
        inputs = self._assistant.processor.media_inputs(
            [] if picture is None else [picture], [] if sound is None else [sound]
        )
        frames, segments = inputs.get("pixel_values"), inputs.get("audio_values")
        return (
            None if frames is None else self._space.of_frames(frames[0]).numpy(),
            None if segments is None else self._space.of_segments(segments[0]).numpy(),
        )


def joint_vectors_of(assistant: "VideoLlama") -> JointVectors | None:
    """Those of a released model; None where the model has no such space.

    Raises:
        CheckpointError: ImageBind's file or the tokenizer is damaged.
        DownloadError: The tokenizer is not on this machine.
    """
    found = load_joint_space(assistant.model)
    return None if found is None else JointVectors(assistant, *found)
