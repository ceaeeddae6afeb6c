"""One picture of what the model gets: the sampled frames with their times, and the sound."""

import math
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from videollama.errors import OutputError
from videollama.media.audio import SAMPLE_RATE
from videollama.media.clip import Clip

_MARGIN, _GAP = 28, 14
_CELL_WIDTH = 256
_THUMBNAIL_SIDE = 320
_MOST_CELLS = 48
_WAVE_HEIGHT = 120
_LONG_SECONDS = 5.0  # below, times are told to the hundredth
_QUIET_PEAK = 0.05  # softer sound is not drawn larger than this
_PAPER, _INK, _FAINT, _LINE = "#ffffff", "#1f2328", "#6e7781", "#d8dee4"
_ACCENT, _BADGE = "#0969da", (31, 35, 40, 205)
_TITLE, _TEXT, _SMALL = 22, 15, 13


def thumbnail_size(frame_size: tuple[int, int]) -> tuple[int, int]:
    """Height and width for frames on a sheet: the shape is kept, slivers are widened to be seen.

    Args:
        frame_size: Height and width in the file.
    """
    height, width = frame_size
    scale = _THUMBNAIL_SIDE / max(height, width)
    return max(16, round(height * scale)), max(16, round(width * scale))


def draw_sheet(clip: Clip, path: str | Path) -> Path:
    """Draws a clip's frames with their times, and its waveform with a mark for every frame.

    Args:
        clip: What was read; of more than 48 frames, 48 are drawn.
        path: Picture file to write; the suffix tells the format, `.png` or `.jpg`.

    Returns:
        The path.

    Raises:
        OutputError: The file cannot be written, or its suffix is unknown.
    """
    return _save(sheet_picture(clip), Path(path))


def sheet_picture(
    clip: Clip, *, heading: bool = True, cell_width: int = _CELL_WIDTH
) -> Image.Image:
    """The sheet as a picture.

    Args:
        clip: What was read.
        heading: Whether the file's name and what is known of it stand above.
        cell_width: Width of a frame in pixels; the writing keeps its size.
    """
    cells = _cells(clip, cell_width)
    columns = min(len(cells), 4 if len(cells) <= 12 else 8) or 4
    rows = math.ceil(len(cells) / columns)
    cell_height = cells[0][1].height if cells else 0
    width = 2 * _MARGIN + max(columns, 3) * (cell_width + _GAP) - _GAP
    top = _MARGIN + (_TITLE + _TEXT + 3 * _GAP if heading else 0)
    wave_top = top + rows * (cell_height + _GAP) + (_GAP if cells else 0)
    height = wave_top + _MARGIN + (_WAVE_HEIGHT + 3 * _GAP if clip.waveform is not None else 0)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet, "RGBA")
    if heading:
        _draw_heading(draw, clip, width)
    for number, (time, picture) in enumerate(cells):
        row, column = divmod(number, columns)
        place = (_MARGIN + column * (cell_width + _GAP), top + row * (cell_height + _GAP))
        sheet.paste(picture, place)
        if clip.kind == "video":
            _draw_badge(draw, place, _seconds(time, clip))
    if clip.waveform is not None:
        _draw_wave(draw, clip, (_MARGIN, wave_top, width - _MARGIN, wave_top + _WAVE_HEIGHT))
    return sheet


def _cells(clip: Clip, cell_width: int) -> list[tuple[float, Image.Image]]:
    """Times and scaled frames, evenly thinned out to what fits."""
    if clip.frames is None:
        return []
    count = len(clip.frames)
    chosen = [int(index) for index in np.linspace(0, count - 1, min(count, _MOST_CELLS))]
    height, width = clip.frames.shape[1:3]
    size = (cell_width, max(1, min(2 * cell_width, round(cell_width * height / width))))
    return [
        (clip.frame_times_seconds[index], Image.fromarray(clip.frames[index].numpy()).resize(size))
        for index in chosen
    ]


def _draw_heading(draw: ImageDraw.ImageDraw, clip: Clip, width: int) -> None:
    title, text = ImageFont.load_default(_TITLE), ImageFont.load_default(_TEXT)
    name = clip.path.name.encode("utf-8", "replace").decode()
    while draw.textlength(name, title) > width - 2 * _MARGIN:
        name = name[:-2].rstrip("…") + "…"
    draw.text((_MARGIN, _MARGIN), name, _INK, title)
    facts: list[str] = [clip.kind]
    if clip.duration_seconds:
        facts.append(_span(clip))
    if clip.frames is not None and clip.kind == "video":
        count = len(clip.frames)
        drawn = f", {_MOST_CELLS} of them drawn" if count > _MOST_CELLS else ""
        facts.append(f"{count} frame{'s' * (count != 1)}{drawn}")
    facts.append(clip.audio_fact)
    line = "   ·   ".join(facts)
    draw.text((_MARGIN, _MARGIN + _TITLE + _GAP), line, _FAINT, text)


def _span(clip: Clip) -> str:
    if clip.start_seconds:
        end = clip.start_seconds + clip.duration_seconds
        return f"{_seconds(clip.start_seconds, clip)} to {_seconds(end, clip)}"
    return _seconds(clip.duration_seconds, clip)


def _seconds(time: float, clip: Clip) -> str:
    return f"{time:.1f} s" if clip.duration_seconds >= _LONG_SECONDS else f"{time:.2f} s"


def _draw_badge(draw: ImageDraw.ImageDraw, corner: tuple[int, int], label: str) -> None:
    font = ImageFont.load_default(_SMALL)
    left, top = corner[0] + 8, corner[1] + 8
    width = draw.textlength(label, font)
    draw.rounded_rectangle((left, top, left + width + 14, top + _SMALL + 9), 5, fill=_BADGE)
    draw.text((left + 7, top + 3), label, "#ffffff", font)


def _draw_wave(draw: ImageDraw.ImageDraw, clip: Clip, box: tuple[int, int, int, int]) -> None:
    """Loudest and softest sample per column; dashed lines mark the frames."""
    assert clip.waveform is not None
    left, top, right, bottom = box
    samples = clip.waveform.mean(dim=0).numpy()
    seconds = max(len(samples) / SAMPLE_RATE, clip.duration_seconds)
    columns = right - left
    draw.rounded_rectangle(box, 6, fill="#f6f8fa", outline=_LINE)
    middle, reach = (top + bottom) / 2, (bottom - top) / 2 - 8
    gain = reach / max(float(np.abs(samples).max()), _QUIET_PEAK)
    edges = np.arange(columns + 1) * seconds / columns * SAMPLE_RATE
    for column in range(columns):
        part = samples[int(edges[column]) : max(int(edges[column]) + 1, int(edges[column + 1]))]
        if len(part):
            high, low = middle - float(part.max()) * gain, middle - float(part.min()) * gain
            draw.line((left + column, high, left + column, max(low, high + 1)), _ACCENT)
    for time in clip.frame_times_seconds if clip.kind == "video" else ():
        x = left + (time - clip.start_seconds) / seconds * columns
        for y in range(top + 2, bottom - 2, 8):
            draw.line((x, y, x, y + 3), (31, 35, 40, 150))
    small = ImageFont.load_default(_SMALL)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        label = _seconds(clip.start_seconds + share * seconds, clip)
        place = left + share * (columns - draw.textlength(label, small))
        draw.text((place, bottom + 7), label, _FAINT, small)


def _save(sheet: Image.Image, path: Path) -> Path:
    formats = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
    if path.suffix.lower() not in formats:
        raise OutputError(f"{path} is not a name for a picture; end it in .png or .jpg.")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            sheet.save(part, formats[path.suffix.lower()])
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name another place or free "
            "some space."
        ) from error
    return path
