"""Still and animated images, through Pillow."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from videollama.errors import MediaError
from videollama.media.tar_members import open_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

# Only formats that Pillow reads by itself: EPS, for one, would start another program.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "PPM", "AVIF", "JPEG2000", "TGA")
_ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
_TIMED_WHEN_LOADED = {"WEBP", "AVIF"}
_MOST_PIXELS = 90_000_000  # 270 MB as RGB
_MOST_ANIMATION_FRAMES = 100_000
_DEFAULT_FRAME_MILLISECONDS = 100.0  # as browsers do when an animation gives no time


@dataclass(frozen=True)
class Picture:
    """An image file that was recognised, not yet decoded.

    Attributes:
        path: The file.
        format: Pillow's name of the format.
        size: Height and width as shown.
        frame_times_seconds: Beginning of each frame; one 0.0 for a still.
        duration_seconds: 0.0 for a still.
        warnings: What was damaged.
    """

    path: Path
    format: str
    size: tuple[int, int]
    frame_times_seconds: tuple[float, ...]
    duration_seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def is_animated(self) -> bool:
        """Whether it has more than one frame."""
        return len(self.frame_times_seconds) > 1

    @property
    def frames_per_second(self) -> float | None:
        """Mean rate; None for a still."""
        return len(self.frame_times_seconds) / self.duration_seconds if self.is_animated else None


def recognise(file: Path) -> Picture | None:
    """Looks whether a file is an image.

    Args:
        file: A regular file.

    Returns:
        What the header says; None when the file is something else.

    Raises:
        MediaError: It is an image, but too large or damaged.
    """
    from PIL import UnidentifiedImageError

    try:
        with _opened(file) as image:
            if image.width * image.height > _MOST_PIXELS and not _shrinks_while_decoding(image):
                raise _too_large(file, f"{image.width}x{image.height} pixels")
            times, duration, notes = _frame_times(image)
            width, height = image.size
            if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
                width, height = height, width
            return Picture(file, str(image.format), (height, width), times, duration, notes)
    except UnidentifiedImageError:
        return None
    except _pillow_errors() as error:
        raise _damaged(file) from error


def read_frames(
    picture: Picture, indices: Sequence[int], frame_size: tuple[int, int] | None
) -> Tensor:
    """Decodes frames of an image.

    Args:
        picture: The image.
        indices: Sorted frame numbers.
        frame_size: Height and width to scale to (bicubic); None keeps the size.

    Returns:
        uint8 RGB, `(T, H, W, 3)`; transparent parts are white, EXIF rotation is applied.

    Raises:
        MediaError: The image data are damaged.
    """
    from PIL import ImageOps
    from PIL.Image import Resampling

    frames = []
    try:
        with _opened(picture.path) as image:
            if not picture.is_animated and image.format == "JPEG" and frame_size is not None:
                image.draft("RGB", (2 * frame_size[1], 2 * frame_size[0]))
            for index in indices:
                image.seek(index)
                frame = _as_rgb(ImageOps.exif_transpose(image))
                if frame_size is not None:
                    frame = frame.resize((frame_size[1], frame_size[0]), Resampling.BICUBIC)
                frames.append(torch.from_numpy(np.array(frame)))
    except _pillow_errors() as error:
        raise _damaged(picture.path) from error
    return torch.stack(frames)


@contextmanager
def _opened(file: Path) -> Iterator["Image"]:
    from PIL import Image

    with warnings.catch_warnings(), open_bytes(file) as stream:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(stream, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise _too_large(file, "more than 178 million pixels") from error
        with image:
            yield image


def _pillow_errors() -> tuple[type[Exception], ...]:
    """Pillow's decoders let all of these through when the data are damaged."""
    import struct

    return (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        struct.error,
    )


def _too_large(file: Path, size: str) -> MediaError:
    return MediaError(
        f"{file} has {size}; images of up to {_MOST_PIXELS // 10**6} million pixels are read: "
        "make it smaller."
    )


def _damaged(file: Path) -> MediaError:
    return MediaError(f"{file} is a damaged or incomplete image; check it in a viewer.")


def _shrinks_while_decoding(image: "Image") -> bool:
    return image.format == "JPEG"


def _frame_times(image: "Image") -> tuple[tuple[float, ...], float, tuple[str, ...]]:
    count = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
    if count <= 1:
        return (0.0,), 0.0, ()
    times: list[float] = []
    now = 0.0  # milliseconds
    for index in range(min(count, _MOST_ANIMATION_FRAMES)):
        try:
            image.seek(index)
            if image.format in _TIMED_WHEN_LOADED:
                image.load()
        except _pillow_errors():
            return tuple(times), now / 1000, (f"the animation is damaged after {now / 1000:.1f} s",)
        times.append(now / 1000)
        now += image.info.get("duration") or _DEFAULT_FRAME_MILLISECONDS
    return tuple(times), now / 1000, ()


def _as_rgb(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # 16 and 32 bits: convert() would cut them off at 255
        values = np.asarray(image, dtype=np.float64)
        scale = 257.0 if image.mode.startswith("I;16") or values.max() > 255 else 1.0
        return Image.fromarray((values / scale).clip(0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.mode or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")
