"""`videollama probe`: what is in a file, and what of it the model would get."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videollama.cli import options

if TYPE_CHECKING:
    from videollama.media.clip import MediaInfo


def probe(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Video, picture or sound.", show_default=False)
    ],
    frames: options.FramesOption = None,
    fps: options.FpsOption = None,
    start: options.StartOption = None,
    end: options.EndOption = None,
    sampling: options.SamplingOption = options.Sampling.UNIFORM,
    as_json: options.JsonOption = False,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", metavar="PNG", help="Draw the frames and the waveform into a file."
        ),
    ] = None,
) -> None:
    """Show what the model would see and hear in a file.

    Examples:

        videollama probe clip.mp4

        videollama probe film.mkv --start 60 --end 75 --frames 16 --sheet frames.png

        videollama probe clip.mp4 --json
    """
    from videollama.media.decode import probe as look_into
    from videollama.media.frame_sampling import FrameSampling

    count = FrameSampling.num_frames if frames is None else frames
    wanted = FrameSampling(count, fps, start, end, sampling.value)
    info = look_into(file, wanted)
    if sheet is not None:
        from videollama.media.decode import read_clip
        from videollama.media.sheet import draw_sheet, thumbnail_size

        size = thumbnail_size(info.frame_size) if info.frame_size else None
        draw_sheet(read_clip(file, wanted, frame_size=size), sheet)
    if as_json:
        print(json.dumps(as_dictionary(info, sheet), ensure_ascii=False, indent=2))
    else:
        print("\n".join(as_lines(info, sheet)))


def as_dictionary(info: "MediaInfo", sheet: Path | None) -> dict[str, Any]:
    """All facts with names and units, for scripts."""
    facts = asdict(info) | {"path": str(info.path), "audio_fact": info.audio_fact}
    if sheet is not None:
        facts["sheet"] = str(sheet)
    return facts


def as_lines(info: "MediaInfo", sheet: Path | None) -> list[str]:
    """The same for people."""
    seconds = f", {info.duration_seconds:.2f} s" if info.duration_seconds else ""
    lines = [f"{info.path}: {info.kind}{seconds} ({info.container})"]
    for stream in info.streams:
        used = "" if stream.used else "  (not used)"
        what = " ".join(filter(None, (stream.codec, stream.description)))
        lines.append(f"  stream {stream.index}  {stream.kind}: {what}{used}")
    if info.frame_size is not None:
        height, width = info.frame_size
        rate = f", {info.frames_per_second:.2f} a second" if info.frames_per_second else ""
        turned = f", turned by {info.rotation_degrees}°" if info.rotation_degrees else ""
        lines.append(f"  pictures  {info.frame_count} of {width}x{height}{rate}{turned}")
    if info.kind == "video":
        times = ", ".join(f"{time:.2f}" for time in info.sampled_times_seconds)
        count = _counted(len(info.sampled_times_seconds), "frame")
        lines.append(f"  sees      {count} at {times} s")
    lines.append(f"  sound     {info.audio_fact}")
    if info.audio_segments_seconds:
        spans = ", ".join(f"{start:.2f}-{end:.2f}" for start, end in info.audio_segments_seconds)
        count = _counted(len(info.audio_segments_seconds), "segment")
        lines.append(f"  hears     {count}: {spans} s")
    lines += [f"  note      {warning}" for warning in info.warnings]
    if sheet is not None:
        lines.append(f"  sheet     {sheet}")
    return lines


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
