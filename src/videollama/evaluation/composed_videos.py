"""Videos made from photos and sounds, written to files and read like those that people have."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from videollama.evaluation.tasks import still_of
from videollama.media.clip import Clip
from videollama.media.composition import SAMPLES_PER_SECOND, black_frames, pan_zoom, silence
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.video_writer import write_video

FRAMES_PER_SECOND = 2
_BLACK_SIZE = (224, 224)


def pan_video(photo: Path | None, num_frames: int, seed: int, waveform: Tensor | None) -> Clip:
    """A pan over a photo, two frames a second.

    Args:
        photo: None pans over patches of colour.
        num_frames: Length.
        seed: Of the camera's path and the patches.
        waveform: The sound, float32 `(1, N)` at 16 kHz; None writes no audio track.

    Raises:
        MediaError: If the photo cannot be read.
    """
    generator = torch.Generator().manual_seed(seed)
    still = _patches(generator) if photo is None else still_of(photo)
    even = (still.shape[0] // 2 * 2, still.shape[1] // 2 * 2)
    frames = pan_zoom(still, num_frames, generator, frame_size=even)
    return _through_a_file(frames, waveform)


def black_video(num_frames: int) -> Clip:
    """Nothing to see, and no audio track."""
    return _through_a_file(black_frames(num_frames, *_BLACK_SIZE), None)


def silent_track(num_frames: int) -> Tensor:
    """Silence as long as so many frames, `(1, N)`."""
    return silence(num_frames * SAMPLES_PER_SECOND // FRAMES_PER_SECOND)


def _through_a_file(frames: Tensor, waveform: Tensor | None) -> Clip:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "composed.mp4"
        write_video(file, frames, FRAMES_PER_SECOND, waveform)
        return read_clip(file, FrameSampling(len(frames)))


def _patches(generator: torch.Generator) -> Tensor:
    """A picture of smooth patches of random colour, uint8 (224, 224, 3)."""
    colours = torch.randint(0, 256, (1, 3, 5, 5), generator=generator).to(torch.float32)
    picture = interpolate(colours, size=(224, 224), mode="bilinear").to(torch.uint8)
    return picture[0].permute(1, 2, 0).contiguous()
