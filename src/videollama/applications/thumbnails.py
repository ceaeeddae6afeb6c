"""A small picture of a segment, for pages."""

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

_LONGEST_SIDE = 240
_QUALITY = 78


def thumbnail(frames: "Tensor", frame_size: tuple[int, int]) -> bytes:
    """The frame in the middle as a JPEG file.

    Args:
        frames: uint8 RGB, `(T, H, W, 3)`, scaled without regard to their shape.
        frame_size: Height and width in the file, whose shape the thumbnail gets back.
    """
    height, width = frame_size
    scale = _LONGEST_SIDE / max(height, width)
    size = max(16, round(width * scale)), max(16, round(height * scale))
    picture = Image.fromarray(frames[len(frames) // 2].numpy()).resize(size)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
