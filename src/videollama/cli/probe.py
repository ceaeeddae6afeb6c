"""`videollama probe`: what is in a file, and what of it the model would get."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.terminal import padded

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
    length = say(", {:.2f} s").format(info.duration_seconds) if info.duration_seconds else ""
    lines = [f"{info.path}: {say(info.kind)}{length} ({info.container})"]
    for stream in info.streams:
        used = "" if stream.used else say("  (not used)")
        what = " ".join(filter(None, (stream.codec, explain(stream.description))))
        name = say("stream {}").format(stream.index)
        lines.append(f"  {name}  {say(stream.kind)}: {what}{used}")
    if info.frame_size is not None:
        height, width = info.frame_size
        per_second, degrees = info.frames_per_second, info.rotation_degrees
        rate = say(", {:.2f} a second").format(per_second) if per_second else ""
        turned = say(", turned by {}°").format(degrees) if degrees else ""
        size = say("{count} of {size}").format(count=info.frame_count, size=f"{width}x{height}")
        lines.append(_row("pictures", f"{size}{rate}{turned}"))
    if info.kind == "video":
        times = ", ".join(f"{time:.2f}" for time in info.sampled_times_seconds)
        noun = "frame" if len(info.sampled_times_seconds) == 1 else "frames"
        seen = say(f"{{count}} {noun} at {{times}} s")
        count = len(info.sampled_times_seconds)
        lines.append(_row("sees", seen.format(count=count, times=times)))
    lines.append(_row("sound", say(info.audio_fact)))
    if info.audio_segments_seconds:
        spans = ", ".join(f"{start:.2f}-{end:.2f}" for start, end in info.audio_segments_seconds)
        noun = "segment" if len(info.audio_segments_seconds) == 1 else "segments"
        heard = say(f"{{count}} {noun}: {{spans}} s")
        lines.append(
            _row("hears", heard.format(count=len(info.audio_segments_seconds), spans=spans))
        )
    lines += [_row("note", explain(warning)) for warning in info.warnings]
    if sheet is not None:
        lines.append(_row("sheet", str(sheet)))
    return lines


def _row(name: str, what: str) -> str:
    return f"  {padded(say(name), 10)}{what}"
