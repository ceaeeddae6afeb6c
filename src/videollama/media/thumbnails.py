"""A small picture of a segment, for pages."""

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from videollama.media.clip import Clip

_LONGEST_SIDE = 240
_QUALITY = 78


def thumbnail(picture: "Clip | None", frame_size: tuple[int, int] | None) -> bytes | None:
    """The frame in the middle as a JPEG file; None where there is no picture.

    Args:
        picture: Its frames may be scaled without regard to their shape.
        frame_size: Height and width in the file, whose shape the thumbnail gets back.
    """
    if picture is None or picture.frames is None or frame_size is None:
        return None
    height, width = frame_size
    scale = _LONGEST_SIDE / max(height, width)
    size = max(16, round(width * scale)), max(16, round(height * scale))
    frame = picture.frames[len(picture.frames) // 2]
    stream = io.BytesIO()
    Image.fromarray(frame.numpy()).resize(size).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
