"""Media that tests make themselves: small, seeded by their arguments, gone with the test."""

import struct
import wave
from fractions import Fraction
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


def write_sound(path: Path, seconds: float = 2.0, pitch: float = 440) -> Path:
    """Writes a tone as a 16-bit wav file."""
    samples = (waveform(seconds, tone=True, pitch=pitch) * 32767).astype("<i2")
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


def waveform(seconds: float, *, tone: bool, pitch: float = 440) -> np.ndarray:
    """A tone of `pitch` Hz or silence, float32 `(N,)` at 16 kHz."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * pitch * time) * tone).astype(np.float32)


def write_frames(
    path: Path,
    frames: list[np.ndarray],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    times_ms: list[int] | None = None,
    key_every: int = 12,
    options: dict[str, str] | None = None,
) -> Path:
    """Writes given pictures as a video without sound, for odd sizes, codecs and rates.

    Args:
        path: Where the file goes; the suffix says the container.
        frames: RGB or RGBA pictures, uint8 `(H, W, 3 or 4)`.
        codec: Name of the encoder.
        pixel_format: Its pixel format.
        times_ms: When each picture is shown; 100 ms apart if absent.
        key_every: Pictures from one keyframe to the next.
        options: Further options of the encoder.
    """
    times_ms = times_ms or [100 * number for number in range(len(frames))]
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=10, options=options or {})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt, video.gop_size = pixel_format, key_every
        video.codec_context.time_base = Fraction(1, 1000)
        for picture, time in zip(frames, times_ms, strict=True):
            kind = "rgb24" if picture.shape[2] == 3 else "rgba"
            frame = av.VideoFrame.from_ndarray(picture, format=kind)
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def numbered_frames(count: int, size: tuple[int, int] = (48, 64)) -> list[np.ndarray]:
    """Pictures that tell their number: the grey of picture n is `20 + 4 n`, modulo 200."""
    height, width = size
    return [np.full((height, width, 3), 20 + 4 * n % 200, dtype=np.uint8) for n in range(count)]


def two_scenes(count: int = 20, size: tuple[int, int] = (48, 64)) -> list[np.ndarray]:
    """Red pictures, then blue ones: a cut in the middle."""
    scenes = []
    for number in range(count):
        picture = np.zeros((*size, 3), dtype=np.uint8)
        picture[..., 0 if number < count / 2 else 2] = 220
        scenes.append(picture)
    return scenes


def turn_clockwise(path: Path) -> Path:
    """Marks an mp4 as to be shown turned by 90 degrees clockwise, as phones do; in place."""
    data = bytearray(path.read_bytes())
    begin = data.index(b"tkhd") + 4 + 40  # the matrix of the first track
    matrix = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    data[begin : begin + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


def cut_off(path: Path, share: float = 0.6) -> Path:
    """Leaves only the first part of a file's bytes; rewrites the file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path
