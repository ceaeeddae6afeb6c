"""Composed clips as files, to be read back like the files that people have."""

from pathlib import Path

import av
from torch import Tensor

from videollama.media.audio import SAMPLE_RATE

_BLOCK_SAMPLES = 1024  # AAC takes no other number at a time


def write_video(
    path: Path, frames: Tensor, frames_per_second: int, waveform: Tensor | None = None
) -> None:
    """Write an mp4 file with H.264 and, if there is a waveform, AAC.

    Args:
        path: Where the file goes.
        frames: uint8 (T, H, W, 3), height and width even.
        frames_per_second: The rate.
        waveform: float32 (1, N) at 16 kHz; None writes no audio track.
    """
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=frames_per_second)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        audio = None
        if waveform is not None:
            audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for picture in frames.numpy():
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        if audio is None or waveform is None:
            return
        samples = waveform.numpy()
        for first in range(0, samples.shape[1], _BLOCK_SAMPLES):
            block = samples[:, first : first + _BLOCK_SAMPLES]
            chunk = av.AudioFrame.from_ndarray(block, "fltp", "mono")
            chunk.sample_rate, chunk.pts = SAMPLE_RATE, first
            container.mux(audio.encode(chunk))
        container.mux(audio.encode())
