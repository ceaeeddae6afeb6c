"""Lines of text drawn into frames, white with a dark edge, as subtitles are."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from PIL import Image, ImageDraw, ImageFont

from videollama.errors import InputError
from videollama.media.video_track import copy_colours

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_LINES_OF_PICTURE = 18  # a letter is as high as this part of the picture …
_SMALLEST_LETTER = 8  # … but at least so many pixels
_WIDEST_LINE = 0.92  # of the picture
_MARGIN = 0.05  # below the last line, of the picture's height
_LIMITED_RANGE = (16, 235)
_FULL_RANGE = (0, 255)
_GREY = 128.0
_NO_CHARACTER = "\uffff"


class _Painted(NamedTuple):
    """Text on the rows from `top` on: how much covers the picture, and how bright it is, 0 to 1."""

    top: int
    cover: np.ndarray
    brightness: np.ndarray


class TextPainter:
    """Draws text near the lower edge of frames.

    Args:
        font: A file of a font; the one that comes with Pillow, of Latin letters, if absent.

    Raises:
        InputError: The font cannot be read.
    """

    def __init__(self, font: Path | None = None) -> None:
        self._file = font
        self._font(_SMALLEST_LETTER)
        self._painted = lru_cache(maxsize=2)(self._paint)

    def require_letters(self, text: str) -> None:
        """Makes sure that the font has every letter.

        Raises:
            InputError: It lacks some.
        """
        font = self._font(_SMALLEST_LETTER)
        nothing = bytes(font.getmask(_NO_CHARACTER))
        missing = [
            letter
            for letter in dict.fromkeys(text)
            if not letter.isspace() and bytes(font.getmask(letter)) in (nothing, b"")
        ]
        if missing:
            named = self._file or "The built-in font"
            raise InputError(
                f"{named} has no {''.join(missing[:5])!r}; name a font that has, with --font."
            )

    def draw(self, frame: VideoFrame, text: str) -> VideoFrame:
        """The frame with the text on it.

        Args:
            frame: Of the format yuv420p, with even sides.
            text: One line or a few.
        """
        painted = self._painted(text, frame.width, frame.height)
        planes = frame.to_ndarray(format="yuv420p").reshape(-1)
        dark, bright = _FULL_RANGE if frame.color_range == ColorRange.JPEG else _LIMITED_RANGE
        luma = dark + (bright - dark) * painted.brightness
        height, width, top = frame.height, frame.width, painted.top
        area = height * width
        _blend(planes[:area].reshape(height, width)[top:], luma, painted.cover)
        cover = painted.cover[::2, ::2]
        for plane in planes[area:].reshape(2, height // 2, width // 2):
            _blend(plane[top // 2 :], np.float32(_GREY), cover)
        drawn = VideoFrame.from_ndarray(planes.reshape(-1, width), format="yuv420p")
        drawn.pts, drawn.time_base, drawn.duration = frame.pts, frame.time_base, frame.duration
        drawn.pict_type = frame.pict_type
        copy_colours(frame, drawn)
        return drawn

    def _paint(self, text: str, width: int, height: int) -> _Painted:
        size = max(_SMALLEST_LETTER, height // _LINES_OF_PICTURE)
        letters = Image.new("L", (width, height))
        edges = letters.copy()
        pen = ImageDraw.Draw(letters)
        while size > _SMALLEST_LETTER and _width_of(pen, text, self._font(size)) > (
            _WIDEST_LINE * width
        ):
            size -= 1
        font = self._font(size)
        place = width / 2, height * (1 - _MARGIN)
        how: Any = {"font": font, "anchor": "md", "align": "center", "fill": 255}
        how["stroke_width"] = max(1, size // 10)  # for the letters too: it moves lines apart
        pen.multiline_text(place, text, stroke_fill=0, **how)
        ImageDraw.Draw(edges).multiline_text(place, text, **how)
        box = edges.getbbox()
        top = 0 if box is None else box[1] // 2 * 2
        cover = np.asarray(edges, np.float32)[top:] / 255
        return _Painted(top, cover, np.asarray(letters, np.float32)[top:] / 255)

    def _font(self, size: int) -> "FreeTypeFont":
        if self._file is None:
            return ImageFont.load_default(size)  # type: ignore[return-value]
        try:
            return ImageFont.truetype(str(self._file), size)
        except OSError as error:
            raise InputError(
                f"{self._file} is no font that can be read; name a .ttf, .otf or .ttc file."
            ) from error


def _width_of(pen: ImageDraw.ImageDraw, text: str, font: "FreeTypeFont") -> float:
    left, _, right, _ = pen.multiline_textbbox((0, 0), text, font=font)
    return right - left


def _blend(plane: np.ndarray, value: np.ndarray | np.float32, cover: np.ndarray) -> None:
    """Lays a value over a plane, in place."""
    plane[:] = np.rint(plane * (1 - cover) + value * cover).astype(np.uint8)
