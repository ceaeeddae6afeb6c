"""Parts of a file's sound, one after the other, in one walk over it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import torch
from torch import Tensor

from videollama.media.audio import FRAME_LENGTH, SAMPLE_RATE
from videollama.media.container import opened
from videollama.media.file_scan import picture_stream, start_seconds
from videollama.media.sound_track import SoundTrack

if TYPE_CHECKING:
    from av.audio.stream import AudioStream


def sound_windows(file: Path, windows: Sequence[tuple[float, float]]) -> Iterator[Tensor]:
    """Decodes parts of the sound; no more than one of them is held at a time.

    Args:
        file: A file whose sound was found to be decodable.
        windows: Start and end of the parts in seconds, sorted, none into another.

    Yields:
        float32 `(channels, N)` at 16 kHz for each, N at least 400; shorter than wanted where the
        sound ends.
    """
    heard = _Held()
    with opened(file) as container:
        audio = cast("AudioStream", container.streams.best("audio"))
        origin = start_seconds(picture_stream(container, file))
        track = SoundTrack(audio, origin, (0.0, windows[-1][1]), heard.add)
        packets = container.demux(audio)
        for start, end in windows:
            first, stop = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
            heard.forget_until(first)
            while heard.end < stop and not heard.complete:
                try:
                    packet = next(packets, None)
                except av.error.FFmpegError:  # damaged from here on, as the first walk found
                    packet = None
                if packet is None:
                    track.finish()
                    heard.complete = True
                elif packet.size:
                    track.push(packet)
                    heard.forget_until(first)
            yield heard.part(first, stop)


class _Held:
    """The samples from some moment on, as far as they are decoded."""

    def __init__(self) -> None:
        self.complete = False
        self._samples: Tensor | None = None
        self._begin = 0

    @property
    def end(self) -> int:
        """The first sample that is not decoded yet."""
        return self._begin + (0 if self._samples is None else self._samples.shape[1])

    def add(self, samples: Tensor) -> None:
        """Takes the next samples."""
        held = [samples] if self._samples is None else [self._samples, samples]
        self._samples = torch.cat(held, dim=1)

    def forget_until(self, first: int) -> None:
        """Lets go of what comes before a sample."""
        if self._samples is not None and first > self._begin:
            gone = min(first - self._begin, self._samples.shape[1])
            self._samples, self._begin = self._samples[:, gone:].clone(), self._begin + gone

    def part(self, first: int, stop: int) -> Tensor:
        """The samples from `first` until `stop`, as far as there are any."""
        if self._samples is None:
            return torch.zeros(1, FRAME_LENGTH)
        samples = self._samples[:, max(0, first - self._begin) : stop - self._begin]
        samples = samples.nan_to_num(0.0, 1.0, -1.0)
        return torch.nn.functional.pad(samples, (0, max(0, FRAME_LENGTH - samples.shape[1])))
