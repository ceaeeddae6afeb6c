"""The last seconds of a source: bounded, whatever comes."""

from collections import deque
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from videollama.media.audio import FRAME_LENGTH, SAMPLE_RATE
from videollama.media.clip import AudioStatus, Clip
from videollama.media.frame_sampling import spread_evenly
from videollama.media.sound_track import is_silent


class RollingMemory:
    """Keeps frames and sound for so many seconds, and gives them as a clip.

    Filled by one thread, read by another.

    Args:
        source: What is watched; the clip's name.
        seconds: How long something is remembered.
    """

    def __init__(self, source: str, seconds: float) -> None:
        self._source, self._seconds = source, seconds
        self._frames: deque[tuple[float, Tensor]] = deque()
        self._sounds: deque[tuple[float, Tensor]] = deque()
        self._ever_heard = False
        self._lock = Lock()

    def see(self, time_seconds: float, frame: Tensor) -> None:
        """Takes a frame, uint8 RGB `(H, W, 3)`; all of one size."""
        with self._lock:
            self._frames.append((time_seconds, frame))
            _forget(self._frames, time_seconds - self._seconds)

    def hear(self, time_seconds: float, samples: Tensor) -> None:
        """Takes the next sound, float32 `(channels, n)`; its mean over the channels is kept."""
        with self._lock:
            self._ever_heard = True
            self._sounds.append((time_seconds, samples.mean(dim=0)))
            _forget(self._sounds, time_seconds - self._seconds)

    def clip(self, now_seconds: float, num_frames: int) -> Clip | None:
        """What is remembered: evenly spread frames, and all of the sound.

        Args:
            now_seconds: What lies longer back than the memory reaches is left out, also where
                nothing came since.
            num_frames: Frames of the clip at most.

        Returns:
            None where nothing is remembered.
        """
        with self._lock:
            oldest = now_seconds - self._seconds
            _forget(self._frames, oldest)
            _forget(self._sounds, oldest)
            frames, sounds = list(self._frames), list(self._sounds)
        if not frames and not sounds:
            return None
        places = spread_evenly(len(frames) - 1, min(num_frames, len(frames)))
        chosen = [frames[place] for place in places]
        waveform, status = self._sound([samples for _, samples in sounds])
        start = min(each[0][0] for each in (frames, sounds) if each)
        return Clip(
            path=Path(self._source),
            kind="video" if chosen else "audio",
            frames=torch.stack([frame for _, frame in chosen]) if chosen else None,
            frame_times_seconds=tuple(time for time, _ in chosen),
            duration_seconds=now_seconds - start,
            waveform=waveform,
            audio_status=status,
            start_seconds=start,
        )

    def _sound(self, pieces: list[Tensor]) -> tuple[Tensor | None, AudioStatus]:
        if not pieces:
            # A source that has sound and sends none just now is still one that has sound.
            return (
                (torch.zeros(1, FRAME_LENGTH), "silent") if self._ever_heard else (None, "absent")
            )
        waveform = torch.cat(pieces)[None]
        missing = max(0, FRAME_LENGTH - waveform.shape[1])
        waveform = torch.nn.functional.pad(waveform, (0, missing))
        waveform = waveform[:, -round(self._seconds * SAMPLE_RATE) :]
        return waveform, "silent" if is_silent(waveform) else "present"


def _forget(kept: deque[tuple[float, Tensor]], before_seconds: float) -> None:
    while kept and kept[0][0] < before_seconds:
        kept.popleft()
