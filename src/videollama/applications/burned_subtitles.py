"""Subtitles drawn into the picture, for players that show no subtitle tracks."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videollama.applications.subtitle_files import require_video_name
from videollama.applications.subtitles import Cue
from videollama.checkpoints.atomic_output import new_file
from videollama.errors import MediaError
from videollama.media.cutting import CONTAINERS, Part, cut
from videollama.media.overview import Overview
from videollama.media.painted_text import TextPainter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def require_burnable(overview: Overview, target: Path) -> None:
    """Refuses what cannot be done, before the work that it is for.

    Raises:
        MediaError: The file is no video.
        OutputError: The suffix is unknown.
    """
    if overview.num_frames == 0:
        raise MediaError(f"{overview.path} is no video; only videos have pictures to draw into.")
    require_video_name(target)


def burn_in(
    overview: Overview,
    cues: Sequence[Cue],
    target: Path,
    painter: TextPainter,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Encodes a video anew with its subtitles in the picture; its sound is kept.

    Args:
        overview: The video.
        cues: In order, one after the other.
        target: Ends in .mp4 or .mkv.
        painter: Draws the letters.
        on_progress: Called with the frames that are written and all of them.

    Raises:
        InputError: The painter's font lacks a letter.
        MediaError: The video cannot be decoded.
        OutputError: The file cannot be written.
    """
    require_burnable(overview, target)
    assert overview.found is not None
    painter.require_letters("".join(cue.text for cue in cues))
    starts = [cue.start_seconds for cue in cues]

    def paint(frame: "VideoFrame") -> "VideoFrame":
        seconds = frame.time or 0.0
        number = bisect_right(starts, seconds) - 1
        if number < 0 or seconds >= cues[number].end_seconds:
            return frame
        return painter.draw(frame, cues[number].text)

    form = CONTAINERS[target.suffix.lower()]
    whole = [Part(0, overview.num_frames)]
    with new_file(target) as draft:
        cut(overview.path, overview.found, whole, draft, form, on_progress, paint)
