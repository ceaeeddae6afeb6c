"""What a file's header says: cheap enough to be asked of millions of files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videollama.errors import MediaError
from videollama.media import pictures
from videollama.media.container import local_file, opened

if TYPE_CHECKING:
    from av.container import InputContainer


@dataclass(frozen=True)
class MediaHeader:
    """What a file promises to hold; nothing of it was decoded.

    Attributes:
        has_picture: There is a picture, or a video stream that is no cover of a song.
        has_sound: There is a sound stream.
        duration_seconds: 0.0 for a still; None where the header does not tell.
    """

    has_picture: bool
    has_sound: bool
    duration_seconds: float | None


def read_header(path: str | Path) -> MediaHeader:
    """Reads the header of a video, picture or sound.

    Args:
        path: A local file.

    Raises:
        MediaError: Not a media file, or one whose header promises nothing to see or hear.
    """
    file = local_file(path)
    picture = pictures.recognise(file)
    if picture is not None:
        return MediaHeader(True, False, picture.duration_seconds)
    from av.stream import Disposition

    with opened(file) as container:
        has_picture = any(
            stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
            for stream in container.streams.video
        )
        has_sound = any(stream.codec_context is not None for stream in container.streams.audio)
        duration = _duration(container)
    if not has_picture and not has_sound:
        raise MediaError(f"{file} holds nothing that can be seen or heard; check it in a player.")
    return MediaHeader(has_picture, has_sound, duration)


def _duration(container: "InputContainer") -> float | None:
    if container.duration is not None:
        return container.duration / 1e6
    lengths = [
        float(stream.duration * stream.time_base)
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.duration is not None and stream.time_base is not None
    ]
    return max(lengths, default=None)
