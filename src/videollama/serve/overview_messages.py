"""What one process tells another of a whole file: facts as JSON, and how loud it is as bytes."""

from pathlib import Path
from typing import Any

import numpy as np

from videollama.media.overview import Overview, ReadPart
from videollama.media.sound_levels import SoundLevels

_PLAIN = (
    "kind",
    "duration_seconds",
    "picture_seconds",
    "frame_size",
    "frames_per_second",
    "num_frames",
    "cuts_seconds",
    "audio_status",
    "warnings",
)


def pack_overview(overview: Overview) -> tuple[dict[str, Any], bytes]:
    """An overview for the way between processes.

    Returns:
        Facts for JSON, and float32 `(2, n)`: peaks and levels; without sound no bytes.
    """
    facts = {name: getattr(overview, name) for name in _PLAIN}
    facts |= {"frames": None, "waveform": None, "swing": None}
    if overview.sound is None:
        return facts, b""
    loudness = np.stack([overview.sound.peaks, overview.sound.levels]).astype(np.float32)
    facts |= {"waveform": list(loudness.shape), "swing": overview.sound.swing}
    return facts, loudness.tobytes()


def unpack_overview(
    path: Path, facts: dict[str, Any], loudness: bytes, read_part: ReadPart
) -> Overview:
    """The overview on the other side, whose parts are read by `read_part`."""
    plain = {name: _tuples(facts[name]) for name in _PLAIN}
    sound = None
    if facts["waveform"] is not None:
        peaks, levels = np.frombuffer(loudness, np.float32).reshape(facts["waveform"])
        sound = SoundLevels(peaks, levels, facts["swing"])
    return Overview(path, **plain, sound=sound, read_part=read_part)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
