"""The sound of parts of a file, one behind the other, encoded as AAC to the sample."""

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np

from videollama.media.container import opened
from videollama.media.sound_track import samples_of

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

_BLOCK_SAMPLES = 1024  # AAC takes no other number at a time
_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_RATE_INSTEAD = 48_000
_BITS_PER_SECOND = 96_000  # of each channel
_PRE_ROLL_SECONDS = 0.5  # decoders need some packets before the first wanted one
_FADE_SECONDS = 0.005  # a wave that is cut anywhere clicks
_GAP_SECONDS = 0.05  # stamps of containers are rounded; what is less is no gap


class SoundParts:
    """Reads the sound of parts and encodes it as one track.

    Args:
        file: The file that is read.
        copy: Where the track is added.
        origin_seconds: Time in the file that counts as 0; None for the first sample.
        spans_seconds: Start and end of every part, in order.
    """

    def __init__(
        self,
        file: Path,
        copy: "OutputContainer",
        origin_seconds: float | None,
        spans_seconds: Sequence[tuple[Fraction, Fraction]],
    ) -> None:
        self._file, self._copy = file, copy
        self._origin, self._spans = origin_seconds, spans_seconds
        self._target: AudioStream | None = None

    def add_stream(self) -> None:
        """Adds the track, with the rate of the source; more than two channels become two."""
        with opened(self._file) as container:
            context = cast("AudioStream", container.streams.best("audio")).codec_context
            rate = context.sample_rate if context.sample_rate in _RATES else _RATE_INSTEAD
            channels = min(2, max(1, context.layout.nb_channels))
        layout = "mono" if channels == 1 else "stereo"
        self._target = self._copy.add_stream("aac", rate=rate, layout=layout)
        self._target.bit_rate = channels * _BITS_PER_SECOND

    def packets(self) -> "Generator[Packet[Any]]":
        """The encoded sound; nothing where no track was added."""
        target = self._target
        if target is None:
            return
        position, rest = 0, np.zeros((0, 0), dtype=np.float32)
        with opened(self._file) as container:
            for samples in self._all_samples(container):
                rest = np.concatenate([rest, samples], axis=1) if rest.size else samples
                while rest.shape[1] >= _BLOCK_SAMPLES:
                    yield from target.encode(_frame(rest[:, :_BLOCK_SAMPLES], target, position))
                    rest, position = rest[:, _BLOCK_SAMPLES:], position + _BLOCK_SAMPLES
        if rest.shape[1]:
            yield from target.encode(_frame(rest, target, position))
        yield from target.encode()

    def _all_samples(self, container: "InputContainer") -> Iterator[np.ndarray]:
        """Exactly as many samples as the parts are long, `(channels, n)` at a time."""
        assert self._target is not None
        rate, begin, written = self._target.rate, Fraction(0), 0
        for start, end in self._spans:
            begin += end - start
            count = round(begin * rate) - written
            written += count
            yield from _faded(self._part(container, float(start), count), count, rate)

    def _part(
        self, container: "InputContainer", start_seconds: float, count: int
    ) -> Iterator[np.ndarray]:
        """`count` samples from a moment on; silence where there is none."""
        target = self._target
        assert target is not None
        channels, rate, position = target.layout.nb_channels, target.rate, 0
        begin = 0  # of the next samples, counted from the start of the part
        for moment, samples in self._decoded(container, start_seconds):
            if moment is not None:
                begin = round((moment - start_seconds) * rate)
            if begin > position:
                silence = min(begin, count) - position
                yield np.zeros((channels, silence), dtype=np.float32)
                position += silence
            wanted = samples[:, max(0, position - begin) :][:, : count - position]
            begin += samples.shape[1]
            if wanted.shape[1]:
                yield wanted
                position += wanted.shape[1]
            if position >= count:
                return
        yield np.zeros((channels, count - position), dtype=np.float32)

    def _decoded(
        self, container: "InputContainer", start_seconds: float
    ) -> Iterator[tuple[float | None, np.ndarray]]:
        """Samples from shortly before a moment on, `(channels, n)`.

        Each comes with its time, counted from the origin, or None where it follows the one before.
        """
        target = self._target
        assert target is not None
        audio = cast("AudioStream", container.streams.best("audio"))
        origin = self._origin
        if origin is None:
            origin = float((audio.start_time or 0) * (audio.time_base or 1))
        earlier = max(0.0, start_seconds - _PRE_ROLL_SECONDS) + origin
        container.seek(int(earlier / (audio.time_base or 1)), stream=audio, backward=True)
        resampler = av.AudioResampler("fltp", target.layout, target.rate)
        expected: float | None = None
        for frame in _frames(container, audio):
            moment = None if frame.time is None else frame.time - origin
            if moment is not None:
                is_next = expected is not None and abs(moment - expected) < _GAP_SECONDS
                expected = (expected if is_next and expected is not None else moment) + (
                    frame.samples / frame.sample_rate
                )
                moment = None if is_next else moment
            for piece in resampler.resample(frame):
                yield moment, samples_of(piece)
                moment = None


def _frames(container: "InputContainer", audio: "AudioStream") -> "Iterator[AudioFrame]":
    """All frames from the present position on; broken packets are passed over."""
    packets = container.demux(audio)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:  # damaged from here on
            packet = None
        if packet is not None and packet.size == 0:
            packet = None
        try:
            yield from audio.codec_context.decode(packet)
        except av.error.FFmpegError:
            if packet is not None:
                continue
        if packet is None:
            return


def _faded(samples: Iterator[np.ndarray], count: int, rate: int) -> Iterator[np.ndarray]:
    """The samples of a part of `count`, softer towards its two ends."""
    length = min(round(_FADE_SECONDS * rate), count // 2)
    position = 0
    for piece in samples:
        places = np.arange(position, position + piece.shape[1])
        edge = np.minimum(places, count - 1 - places) + 1
        gain = np.minimum(edge / max(1, length), 1.0).astype(np.float32)
        yield piece * gain
        position += piece.shape[1]


def _frame(samples: np.ndarray, target: "AudioStream", position: int) -> "AudioFrame":
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", target.layout.name)
    frame.sample_rate, frame.pts = target.rate, position
    frame.time_base = Fraction(1, target.rate)
    return frame
