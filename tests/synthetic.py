"""Media that tests make themselves: small, seeded by their arguments, gone with the test."""

import wave
from pathlib import Path
from typing import Literal

import av
import numpy as np

SAMPLE_RATE = 16_000


def write_clip(
    path: Path,
    *,
    seconds: float = 2.0,
    frames_per_second: int = 10,
    size: tuple[int, int] = (64, 96),
    sound: Literal["tone", "silence"] | None = "tone",
) -> Path:
    """Writes an mp4 in which a bright square moves right, with a tone, silence or no audio track.

    Args:
        path: Where the file goes.
        seconds: Its length.
        frames_per_second: Its rate.
        size: Height and width in pixels, both even.
        sound: What the audio track holds; `None` for no track.
    """
    height, width = size
    count = round(seconds * frames_per_second)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=frames_per_second)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if sound else None
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(moving_square(index / count, size), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            samples = waveform(seconds, tone=sound == "tone")
            for first in range(0, len(samples), 1024):
                block = samples[None, first : first + 1024]
                chunk = av.AudioFrame.from_ndarray(block, "fltp", "mono")
                chunk.sample_rate, chunk.pts = SAMPLE_RATE, first
                container.mux(audio.encode(chunk))
            container.mux(audio.encode())
    return path


def write_picture(path: Path, size: tuple[int, int] = (64, 96)) -> Path:
    """Writes one frame of the moving square as a picture; the suffix says the format."""
    from PIL import Image

    Image.fromarray(moving_square(0.5, size)).save(path)
    return path


def write_sound(path: Path, seconds: float = 2.0) -> Path:
    """Writes the tone as a 16-bit wav file."""
    samples = (waveform(seconds, tone=True) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return path


def moving_square(share: float, size: tuple[int, int]) -> np.ndarray:
    """A frame, uint8 `(H, W, 3)`: the square is `share` of the way from left to right."""
    height, width = size
    frame = np.full((height, width, 3), 40, dtype=np.uint8)
    side = height // 3
    left = int(share * (width - side))
    frame[side : 2 * side, left : left + side] = (230, 200, 30)
    return frame


def waveform(seconds: float, *, tone: bool) -> np.ndarray:
    """A 440 Hz tone or silence, float32 `(N,)` at 16 kHz."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * 440 * time) * tone).astype(np.float32)
