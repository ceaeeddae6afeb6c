"""Clips composed from stills and sounds: motion over a photo, cuts, black frames, sounds.

Every function is pure torch. Those that draw at random take a `torch.Generator` and give the same
clip for the same seed. Frames are uint8 of shape (T, H, W, 3), as in a decoded clip; waveforms are
float32 of shape (channels, N) at 16 kHz.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import interpolate

SAMPLES_PER_SECOND = 16_000


def pan_zoom(
    still: Tensor,
    num_frames: int,
    generator: torch.Generator,
    *,
    frame_size: tuple[int, int] | None = None,
    smallest_crop: float = 0.75,
) -> Tensor:
    """Move a camera over a still: a straight pan and zoom between two random crops.

    Args:
        still: uint8 picture (H, W, 3).
        num_frames: Frames to make; 1 gives one random crop.
        generator: Source of the two crops.
        frame_size: Height and width of the frames in pixels; the still's own when None.
        smallest_crop: Smallest side of a crop as a share of the still's side, in (0, 1];
            1.0 shows the whole still in every frame.

    Returns:
        uint8 frames (num_frames, H, W, 3).

    Raises:
        ValueError: If the shape, the number of frames or the share is not usable.
    """
    _check_picture(still, 3)
    if num_frames < 1 or not 0.0 < smallest_crop <= 1.0:
        raise ValueError(f"cannot pan {num_frames} frames with a smallest crop of {smallest_crop}")
    height, width = still.shape[:2]
    size = frame_size or (height, width)
    # Per end of the move: scale in [smallest_crop, 1], and where the crop lies in what is left.
    draws = torch.rand(2, 3, generator=generator).tolist()
    (scale_a, down_a, right_a), (scale_b, down_b, right_b) = draws
    channels_first = still.permute(2, 0, 1).unsqueeze(0)
    frames = []
    for index in range(num_frames):
        progress = index / max(num_frames - 1, 1)
        scale = smallest_crop + (1.0 - smallest_crop) * _between(scale_a, scale_b, progress)
        crop_height = max(1, round(height * scale))
        crop_width = max(1, round(width * scale))
        top = round((height - crop_height) * _between(down_a, down_b, progress))
        left = round((width - crop_width) * _between(right_a, right_b, progress))
        crop = channels_first[:, :, top : top + crop_height, left : left + crop_width]
        frames.append(_resize(crop, size))
    return torch.cat(frames).permute(0, 2, 3, 1).contiguous()


def resize_still(still: Tensor, frame_size: tuple[int, int]) -> Tensor:
    """Resize a uint8 picture (H, W, 3) to (height, width), bilinear; the aspect is not kept."""
    _check_picture(still, 3)
    return _resize(still.permute(2, 0, 1).unsqueeze(0), frame_size)[0].permute(1, 2, 0).contiguous()


def black_frames(num_frames: int, height: int, width: int) -> Tensor:
    """Return black uint8 frames (num_frames, height, width, 3)."""
    return torch.zeros(num_frames, height, width, 3, dtype=torch.uint8)


def concatenate_scenes(scenes: Sequence[Tensor]) -> Tensor:
    """Cut hard from scene to scene.

    Args:
        scenes: uint8 frames (T_i, H, W, 3), all of one height and width.

    Returns:
        uint8 frames (sum of T_i, H, W, 3).

    Raises:
        ValueError: If there is no scene or if their sizes differ.
    """
    for scene in scenes:
        _check_picture(scene, 4)
    sizes = {tuple(scene.shape[1:]) for scene in scenes}
    if len(sizes) != 1:
        raise ValueError(f"scenes of one size are needed, got {sorted(sizes)}")
    return torch.cat(list(scenes))


def scene_lengths(
    num_frames: int, num_scenes: int, generator: torch.Generator, *, shortest: int = 2
) -> list[int]:
    """Split `num_frames` at random into `num_scenes` parts of at least `shortest` frames each.

    Raises:
        ValueError: If the frames do not suffice.
    """
    spare = num_frames - num_scenes * shortest
    if num_scenes < 1 or shortest < 1 or spare < 0:
        raise ValueError(f"{num_frames} frames do not give {num_scenes} scenes of {shortest}")
    cuts = torch.randint(0, spare + 1, (num_scenes - 1,), generator=generator).sort().values
    edges = [0, *cuts.tolist(), spare]
    return [shortest + later - earlier for earlier, later in pairwise(edges)]


def silence(num_samples: int, channels: int = 1) -> Tensor:
    """Return a silent float32 waveform (channels, num_samples)."""
    return torch.zeros(channels, num_samples)


def mix_sound(
    waveform: Tensor,
    num_samples: int,
    generator: torch.Generator,
    *,
    gain_decibels: tuple[float, float] = (-6.0, 6.0),
    background: Tensor | None = None,
    background_decibels: float = -15.0,
) -> Tensor:
    """Lay a sound under a clip: cut or repeated to its length, at a random offset and loudness.

    Args:
        waveform: float32 (channels, N) or (N,); mixed down to one channel.
        num_samples: Length of the clip's sound in samples.
        generator: Source of offset and gain.
        gain_decibels: Range of the gain, drawn uniformly in decibels.
        background: Another sound to lay under this one, treated in the same way.
        background_decibels: Loudness of the background against the sound (ratio of RMS).

    Returns:
        float32 waveform (1, num_samples), clamped to [-1, 1].

    Raises:
        ValueError: If a waveform is empty.
    """
    sound = _fit_length(waveform, num_samples, generator)
    if background is not None:
        below = _fit_length(background, num_samples, generator)
        loudness = below.square().mean().sqrt().clamp_min(1e-8)
        wanted = sound.square().mean().sqrt() * 10.0 ** (background_decibels / 20.0)
        sound = sound + below * (wanted / loudness)
    low, high = gain_decibels
    gain = low + (high - low) * torch.rand(1, generator=generator).item()
    return (sound * 10.0 ** (gain / 20.0)).clamp(-1.0, 1.0).unsqueeze(0)


def _fit_length(waveform: Tensor, num_samples: int, generator: torch.Generator) -> Tensor:
    """Mix down to (num_samples,), starting anywhere and running round to the start again."""
    mono = waveform.mean(dim=0) if waveform.dim() == 2 else waveform
    if mono.numel() == 0:
        raise ValueError("an empty waveform cannot be laid under a clip")
    # A sound shorter than the clip starts anywhere and repeats; a longer one is cut inside.
    starts = max(mono.numel() - num_samples + 1, 1) if mono.numel() >= num_samples else mono.numel()
    start = int(torch.randint(0, starts, (1,), generator=generator).item())
    repeats = -(-(start + num_samples) // mono.numel())
    return mono.repeat(repeats)[start : start + num_samples].to(torch.float32)


def _between(first: float, last: float, progress: float) -> float:
    return first + (last - first) * progress


def _resize(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize uint8 (B, 3, H, W) to `size`; a picture that has the size already is kept exactly."""
    if tuple(pictures.shape[-2:]) == tuple(size):
        return pictures
    return interpolate(pictures, size=size, mode="bilinear", align_corners=False, antialias=True)


def _check_picture(picture: Tensor, dimensions: int) -> None:
    if picture.dtype != torch.uint8 or picture.dim() != dimensions or picture.shape[-1] != 3:
        raise ValueError(
            f"uint8 pictures with {dimensions} dimensions ending in 3 colours are needed, "
            f"got {picture.dtype} {tuple(picture.shape)}"
        )
