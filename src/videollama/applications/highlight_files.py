"""The chosen moments as a video, with an account of them: JSON, and an edit list for editors.

Highlights + video -> cut.mp4 · cut.json · cut.edl
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from videollama.applications.highlights import Highlights, Moment
from videollama.checkpoints.atomic_output import new_file, require_new_file
from videollama.errors import OutputError
from videollama.media.cutting import CONTAINERS, Part, cut
from videollama.media.overview import Overview
from videollama.media.packet_scan import Timeline
from videollama.media.scenes import exact_cut

_SAME_MOMENT_SECONDS = 1e-6


@dataclass(frozen=True)
class Event:
    """A moment as it was cut, to the frame.

    Attributes:
        start_seconds: When its first frame is shown in the film.
        end_seconds: When its last frame ends in the film.
        cut_seconds: When its first frame is shown in the cut.
        moment: What was chosen, and why.
        frames: Numbers of the first frame in the film and of the one behind the last.
    """

    start_seconds: float
    end_seconds: float
    cut_seconds: float
    moment: Moment
    frames: tuple[int, int]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, ready for JSON."""
        why = {**asdict(self.moment), "reason": self.moment.reason}
        return {
            **why,
            "start_seconds": round(self.start_seconds, 6),
            "end_seconds": round(self.end_seconds, 6),
            "cut_seconds": round(self.cut_seconds, 6),
            "frames": list(self.frames),
        }


@dataclass(frozen=True)
class CutFiles:
    """What was written.

    Attributes:
        video: The cut.
        account: What was chosen and why, JSON.
        edit_list: The same for editors, CMX 3600.
        events: The moments, in order.
        is_copied: Whether the frames are those of the film, and not encoded anew.
        seconds: How long the cut is.
    """

    video: Path
    account: Path
    edit_list: Path
    events: tuple[Event, ...]
    is_copied: bool
    seconds: float

    def to_dict(self, highlights: Highlights) -> dict[str, Any]:
        """All that is known of the cut, ready for JSON."""
        return {
            **highlights.to_dict(),
            "moments": [event.to_dict() for event in self.events],
            "video": str(self.video),
            "edit_list": str(self.edit_list),
            "cut_seconds": round(self.seconds, 6),
            "frames_are_copied": self.is_copied,
        }


def companions(video: Path) -> tuple[Path, Path]:
    """The JSON file and the edit list that lie next to a cut."""
    return video.with_suffix(".json"), video.with_suffix(".edl")


def require_free_places(source: Path, video: Path, *, overwrite: bool) -> None:
    """Refuses names that take no cut, before the work that it is for.

    Raises:
        OutputError: The suffix is unknown, the place is the film's, taken, read-only or full.
    """
    if video.suffix.lower() not in CONTAINERS:
        raise OutputError(f"{video} is not a name for a cut; use .mp4 or .mkv.")
    for place in (video, *companions(video)):
        if place.exists() and place.resolve() == source.resolve():
            raise OutputError(f"{place} is the film itself; choose another name.")
        if place.is_file() and not overwrite:
            raise OutputError(f"{place} exists already; choose another name or add --overwrite.")
        require_new_file(place)


def write_cut(
    highlights: Highlights,
    overview: Overview,
    video: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> CutFiles:
    """Writes the cut, the JSON file and the edit list; old ones are replaced, all or none.

    Args:
        highlights: What is taken.
        overview: The film.
        video: Ends in .mp4 or .mkv; the others get its name.
        on_progress: Called with the frames that are written and all of them.

    Raises:
        OutputError: A file cannot be written.
        MediaError: The film cannot be decoded.
    """
    assert overview.found is not None
    assert overview.found.timeline is not None
    timeline = overview.found.timeline
    events = _events(highlights, overview, timeline)
    account, edit_list = companions(video)
    with (
        new_file(edit_list) as edl_draft,
        new_file(account) as json_draft,
        new_file(video) as draft,
    ):
        is_copied = cut(
            overview.path,
            overview.found,
            _joined(events),
            draft,
            CONTAINERS[video.suffix.lower()],
            on_progress,
        )
        seconds = sum(event.end_seconds - event.start_seconds for event in events)
        files = CutFiles(video, account, edit_list, tuple(events), is_copied, seconds)
        text = json.dumps(files.to_dict(highlights), ensure_ascii=False, indent=2)
        json_draft.write_text(f"{text}\n", encoding="utf-8", errors="replace")
        has_sound = overview.audio_status in ("present", "silent")
        named = replace(overview, path=Path(highlights.path))
        lines = edit_list_lines(events, named, has_sound=has_sound)
        edl_draft.write_text("\n".join(lines) + "\n", encoding="ascii", errors="replace")
    return files


def edit_list_lines(events: Sequence[Event], overview: Overview, *, has_sound: bool) -> list[str]:
    """A CMX 3600 edit list: one event per moment, with its score and reason as comments.

    Time codes count frames at the nearest whole rate without dropping any, as editors do.
    """
    rate = max(1, round(overview.frames_per_second or 25))
    tracks = "B" if has_sound else "V"
    lines = [f"TITLE: {_line(overview.path.stem)[:70]}", "FCM: NON-DROP FRAME", ""]
    written = 0
    for number, event in enumerate(events, start=1):
        first, stop = event.frames
        codes = (first, stop, written, written + stop - first)
        shown = " ".join(timecode(frame, rate) for frame in codes)
        lines.append(f"{number:03}  AX       {tracks}     C        {shown}")
        lines.append(f"* FROM CLIP NAME: {_line(overview.path.name)}")
        lines.append(f"* COMMENT: SCORE {event.moment.score:.2f} {_line(event.moment.reason)}")
        written = codes[3]
    return lines


def timecode(frame: int, rate: int) -> str:
    """A frame number as hours, minutes, seconds and frames: "00:01:05:12"."""
    seconds, frames = divmod(frame, rate)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{frames:02}"


def _line(text: str) -> str:
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def _events(highlights: Highlights, overview: Overview, timeline: Timeline) -> list[Event]:
    """The moments in frames; their cuts are sought exactly, and the whole is not too long."""
    times = [*timeline.times_seconds, timeline.duration_seconds]
    cuts = {_frame_at(times, time) for time in overview.cuts_seconds}
    exact: dict[float, int] = {}

    def frame(seconds: float) -> int:
        if seconds not in exact:
            number = _frame_at(times, seconds)
            if number in cuts and overview.found and overview.found.stream_index is not None:
                index = overview.found.stream_index
                number = exact_cut(overview.path, index, timeline, number)
            exact[seconds] = number
        return exact[seconds]

    events, position = [], 0.0
    for moment in highlights.moments:
        first = min(frame(moment.start_seconds), len(times) - 2)
        latest = times[first] + highlights.seconds - position + _SAME_MOMENT_SECONDS
        longest = bisect_right(times, latest) - 1
        stop = max(min(frame(moment.end_seconds), longest), first + 1)
        events.append(Event(times[first], times[stop], position, moment, (first, stop)))
        position += times[stop] - times[first]
    return events


def _frame_at(times: Sequence[float], seconds: float) -> int:
    """The first frame that is shown at a time or later; the number of all frames at the end."""
    return min(bisect_left(times, seconds - _SAME_MOMENT_SECONDS), len(times) - 1)


def _joined(events: Sequence[Event]) -> list[Part]:
    """Moments that follow each other in the film are one part."""
    parts: list[Part] = []
    for event in events:
        first, stop = event.frames
        if parts and parts[-1].stop == first:
            parts[-1] = Part(parts[-1].first, stop)
        else:
            parts.append(Part(first, stop))
    return parts
