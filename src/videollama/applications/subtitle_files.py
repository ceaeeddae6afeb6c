"""Subtitles as files of their own, and as a track inside a copy of the video."""

from collections.abc import Sequence
from fractions import Fraction
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pysubs2 import SSAEvent, SSAFile
from pysubs2.exceptions import Pysubs2Error

from videollama.applications.subtitles import Cue, without_markup
from videollama.checkpoints.atomic_output import new_file
from videollama.errors import InputError, OutputError
from videollama.media.container import opened
from videollama.media.file_scan import picture_stream, start_seconds

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

_SUBTITLE_SUFFIXES = (".vtt", ".srt", ".ass")
_FORMATS = {".mp4": ("mp4", "mov_text"), ".mkv": ("matroska", "subrip")}
_MILLISECONDS = Fraction(1, 1000)


def require_subtitle_name(path: Path) -> None:
    """Refuses names that tell no subtitle format.

    Raises:
        OutputError: The suffix is unknown.
    """
    if path.suffix.lower() not in _SUBTITLE_SUFFIXES:
        raise OutputError(f"{path} is not a name for subtitles; end it in .vtt, .srt or .ass.")


def require_video_name(path: Path) -> None:
    """Refuses names that tell no container with subtitles.

    Raises:
        OutputError: The suffix is unknown.
    """
    if path.suffix.lower() not in _FORMATS:
        raise OutputError(f"{path} is not a name for a video with subtitles; use .mp4 or .mkv.")


def write_subtitles(path: Path, cues: Sequence[Cue]) -> None:
    """Writes a subtitle file.

    Args:
        path: Ends in .vtt (WebVTT), .srt (SubRip) or .ass (Advanced SubStation Alpha).
        cues: In order.

    Raises:
        OutputError: The file cannot be written, or its suffix is unknown.
    """
    require_subtitle_name(path)
    text = subtitle_text(path.suffix.lower()[1:], cues)
    with new_file(path) as draft:
        draft.write_text(text, encoding="utf-8", errors="replace")


def subtitle_text(form: str, cues: Sequence[Cue]) -> str:
    """The content of a subtitle file.

    Args:
        form: "vtt" (WebVTT), "srt" (SubRip) or "ass" (Advanced SubStation Alpha).
        cues: In order.
    """
    return _document(cues, escape_ampersands=form == "vtt").to_string(form)


def read_transcript(path: Path) -> list[Cue]:
    """Reads what is said from a subtitle file.

    Args:
        path: In any format that pysubs2 knows, among them .srt, .vtt and .ass; UTF-8.

    Returns:
        Its subtitles in order, without fonts and colours.

    Raises:
        InputError: There is no such file, it holds no subtitles, or one ends before it begins.
    """
    try:
        document = SSAFile.load(str(path), encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, Pysubs2Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{path} is no transcript that can be read ({reason}); give subtitles with times, .srt "
            "or .vtt, in UTF-8."
        ) from error
    document.sort()
    cues = []
    for event in document:
        text = event.plaintext.strip()
        if event.end < event.start:
            raise InputError(
                f"{path}: the subtitle at {event.start / 1000:.3f} s ends before it begins; "
                "correct it."
            )
        if text and not event.is_comment:
            # pysubs2 leaves WebVTT's escapes as they are.
            text = unescape(text) if document.format == "vtt" else text
            cues.append(Cue(event.start / 1000, event.end / 1000, without_markup(text)))
    return cues


def add_subtitle_track(video: Path, target: Path, cues: Sequence[Cue]) -> None:
    """Copies a video with subtitles as a track that players can turn on; nothing is encoded anew.

    Args:
        video: The file that the cues are about.
        target: Ends in .mp4 or .mkv.
        cues: In order.

    Raises:
        MediaError: The video cannot be read.
        OutputError: The file cannot be written, its suffix is unknown, or it takes no streams of
            this kind.
    """
    import av

    require_video_name(target)
    container, codec = _FORMATS[target.suffix.lower()]
    with new_file(target) as draft, opened(video) as source:
        origin = start_seconds(picture_stream(source, video)) or 0.0
        try:
            with av.open(str(draft), "w", format=container) as copy:
                _copy(source, copy, codec, cues, origin)
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"{target} takes no copy of {video} ({error}); try {_other(target).name}."
            ) from error


def _copy(
    source: "InputContainer",
    copy: "OutputContainer",
    codec: str,
    cues: Sequence[Cue],
    origin_seconds: float,
) -> None:
    """Every packet of picture and sound, and each cue before what is shown after it begins."""
    streams = {
        stream.index: copy.add_stream_from_template(stream)
        for stream in (*source.streams.video, *source.streams.audio)
    }
    track: Any = copy.add_stream(codec)
    track.metadata["language"] = "eng"
    track.codec_context.time_base = track.time_base = _MILLISECONDS
    track.codec_context.subtitle_header = _header()
    waiting = list(cues)
    for packet in source.demux([source.streams[index] for index in streams]):
        if packet.dts is None:  # the end of a stream
            continue
        now = float(packet.dts * packet.time_base)
        while waiting and waiting[0].start_seconds + origin_seconds <= now:
            copy.mux(_subtitle_packet(waiting.pop(0), track, origin_seconds))
        packet.stream = streams[packet.stream_index]
        copy.mux(packet)
    for cue in waiting:
        copy.mux(_subtitle_packet(cue, track, origin_seconds))


def _header() -> bytes:
    """What FFmpeg's encoders take for plain text; of other styles SubRip keeps font tags."""
    document = SSAFile()
    document.styles["Default"].fontsize = 16
    return document.to_string("ass").encode()


def _subtitle_packet(cue: Cue, track: Any, origin_seconds: float) -> Any:
    from av.subtitles.subtitle import SubtitleSet

    start = round((cue.start_seconds + origin_seconds) * 1000)
    length = round((cue.end_seconds - cue.start_seconds) * 1000)
    text = cue.text.replace("\n", r"\N")
    fields = f"0,0,Default,,0,0,0,,{text}".encode()
    packet = track.codec_context.encode_subtitle(
        SubtitleSet.create(fields, 0, length, start * 1000)
    )
    packet.stream, packet.time_base = track, _MILLISECONDS
    packet.pts = packet.dts = start
    packet.duration = length
    return packet


def _document(cues: Sequence[Cue], *, escape_ampersands: bool) -> SSAFile:
    document = SSAFile()
    for cue in cues:
        event = SSAEvent(round(cue.start_seconds * 1000), round(cue.end_seconds * 1000))
        event.plaintext = cue.text.replace("&", "&amp;") if escape_ampersands else cue.text
        document.append(event)
    return document


def _other(target: Path) -> Path:
    return target.with_suffix(".mkv" if target.suffix.lower() == ".mp4" else ".mp4")
