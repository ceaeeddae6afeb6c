"""A file as people are shown it: small frames in their own shape, and its sound."""

from pathlib import Path

from videollama.media.clip import Clip
from videollama.media.decode import probe, read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.sheet import thumbnail_size


def read_preview(file: Path, sampling: FrameSampling, *, want_audio: bool = True) -> Clip:
    """Reads the sampled frames as thumbnails.

    Args:
        file: A local file.
        sampling: Which frames, and which part of the file.
        want_audio: Whether to decode the sound of a video; that of a sound file always is.

    Raises:
        MediaError: Nothing in the file can be seen or heard.
        InputError: The sampling does not fit the file.
    """
    info = probe(file, sampling)
    size = thumbnail_size(info.frame_size) if info.frame_size else None
    want_audio = want_audio or info.kind == "audio"
    return read_clip(file, sampling, frame_size=size, want_audio=want_audio)
