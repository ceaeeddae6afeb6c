"""The sound of a file: one audio stream decoded to 16 kHz, channels kept apart."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import torch
from torch import Tensor

from videollama.media.audio import FRAME_LENGTH, SAMPLE_RATE
from videollama.media.clip import AudioStatus
from videollama.media.resampling import Resampler, is_practical

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.packet import Packet

MOST_SAMPLES = 200_000_000  # 800 MB as float32: 3.5 hours of one channel
SILENCE_PEAK = 10 ** (-70 / 20)  # -70 dB of full scale, after removal of a constant offset
_OFFSET_TOLERANCE_SECONDS = 0.1  # sound and picture rarely begin on the same sample
_PRE_ROLL_SECONDS = 0.5  # decoders need some packets before the first wanted one
_RATE_INSTEAD = 48_000
_LONGER_THAN_DECLARED = 1.05  # headers are rarely exact; memory that is not written costs nothing
_RESAMPLED_AT_ONCE = 2**17
_INTEGER_SCALES = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


class SoundTrack:
    """Decodes the packets of one audio stream as they come.

    FFmpeg's own mixing to one channel is 3 dB louder than the mean, and its resampler differs from
    the original's; so samples are taken as they are and resampled here.

    Args:
        stream: The audio stream.
        origin_seconds: Time in the file that counts as 0; None for the first sample.
        window_seconds: Start and end of the wanted part, counted from the origin.
        sink: Gets the samples at 16 kHz, `(channels, n)`, as they come; nothing is kept then, and
            the length is not bounded.
    """

    def __init__(
        self,
        stream: "AudioStream",
        origin_seconds: float | None,
        window_seconds: tuple[float, float],
        sink: Callable[[Tensor], None] | None = None,
    ) -> None:
        self.stream = stream
        self.broken_packets = 0
        self.truncated = False
        self._origin = origin_seconds
        self._start, self._end = window_seconds
        self._sink = sink
        self._kept: Tensor | None = None  # at 16 kHz; the memory beyond what is written is not used
        self._length = 0  # samples of a channel that are written there
        self._waiting: list[Tensor] = []  # decoded, not yet resampled
        self._waiting_samples = 0
        self._resampler: Resampler | None = None
        self._rate = self._channels = 0
        self._position = 0  # index of the next decoded sample, counted from the origin
        self._exotic: av.AudioResampler | None = None

    @property
    def decoded_seconds(self) -> float:
        """How far the sound was decoded, counted from the origin."""
        return self._position / self._rate if self._rate else 0.0

    def push(self, packet: "Packet[Any]") -> None:
        """Decodes one packet; a broken one is counted and left out."""
        if self.truncated or self._is_outside(packet):
            return
        try:
            frames = self.stream.codec_context.decode(packet)
        except (av.error.FFmpegError, MemoryError):
            self.broken_packets += 1
            return
        for frame in frames:
            self._take(frame)

    def finish(self) -> tuple[AudioStatus, Tensor | None]:
        """Ends decoding.

        Returns:
            "undecodable" and None, or "silent" or "present" and float32 `(channels, N)`
            at 16 kHz, N at least 400. With a sink "undecodable" or "present", and None.
        """
        try:
            for frame in self.stream.codec_context.decode(None):
                self._take(frame)
        except av.error.FFmpegError:
            self.broken_packets += 1
        if self._rate == 0:
            return "undecodable", None
        assert self._resampler is not None
        self._resample_waiting()
        tail = self._resampler.finish()
        if tail.shape[1]:
            self._store(tail)
        if self._sink is not None:
            return "present", None
        kept = torch.zeros(self._channels, 0) if self._kept is None else self._kept
        waveform = kept[:, : self._length].nan_to_num_(0.0, 1.0, -1.0)
        self._kept = None
        if self._length < 0.9 * kept.shape[1]:
            waveform = waveform.clone()  # lets go of the rest
        silent = is_silent(waveform)
        if waveform.shape[1] < FRAME_LENGTH:
            missing = FRAME_LENGTH - waveform.shape[1]
            waveform = torch.nn.functional.pad(waveform, (0, missing))
        return ("silent" if silent else "present"), waveform

    def _is_outside(self, packet: "Packet[Any]") -> bool:
        """Whether a packet can be left undecoded because its time is not wanted."""
        if packet.pts is None or packet.time_base is None or self._origin is None:
            return False
        unit = packet.time_base.numerator / packet.time_base.denominator
        time, length = packet.pts * unit - self._origin, (packet.duration or 0) * unit
        return time + length < self._start - _PRE_ROLL_SECONDS or time > self._end

    def _take(self, frame: "AudioFrame") -> None:
        for piece in self._with_practical_rate(frame):
            samples = torch.from_numpy(samples_of(piece))
            if self._rate == 0:
                self._begin(piece, 1 if self._is_long(samples.shape[0]) else samples.shape[0])
            elif piece.sample_rate != self._rate:
                self.broken_packets += 1
                continue
            if samples.shape[0] != self._channels:
                samples = samples.mean(dim=0, keepdim=True).expand(self._channels, -1)
            self._keep(samples)

    def _is_long(self, channels: int) -> bool:
        """Whether the channels do not fit into memory side by side; then their mean is kept."""
        return self._sink is None and self._expected_samples() * channels > MOST_SAMPLES

    def _expected_samples(self) -> int:
        """How many samples at 16 kHz the wanted part has as the header says; 0 where it is mum."""
        if self.stream.duration is None or self.stream.time_base is None:
            return 0
        seconds = min(float(self.stream.duration * self.stream.time_base), self._end) - self._start
        return max(0, round(seconds * SAMPLE_RATE))

    def _with_practical_rate(self, frame: "AudioFrame") -> "list[AudioFrame]":
        if is_practical(frame.sample_rate, SAMPLE_RATE):
            return [frame]
        if self._exotic is None:
            self._exotic = av.AudioResampler(rate=_RATE_INSTEAD)
        return self._exotic.resample(frame)

    def _begin(self, frame: "AudioFrame", channels: int) -> None:
        """Fixes rate and channels, and where on the common time line the sound begins."""
        self._rate, self._channels = frame.sample_rate, channels
        self._resampler = Resampler(self._rate, SAMPLE_RATE)
        begin = frame.time
        if self._origin is None or begin is None:
            return
        offset = begin - self._origin
        if abs(offset) > _OFFSET_TOLERANCE_SECONDS:
            self._position = round(offset * self._rate)
        silence = round((min(offset, self._end) - self._start) * self._rate)
        if self._position > 0 and silence > 0:
            room = MOST_SAMPLES // channels
            self._resample(torch.zeros(channels, min(silence, room)))

    def _keep(self, samples: Tensor) -> None:
        """Resamples that part of the next samples which lies in the window."""
        first = round(self._start * self._rate) - self._position
        stop = samples.shape[1]
        if self._end != float("inf"):
            stop = min(stop, round(self._end * self._rate) - self._position)
        self._position += samples.shape[1]
        wanted = samples[:, max(0, first) : max(0, stop)]
        if wanted.shape[1]:
            self._resample(wanted)

    def _resample(self, samples: Tensor) -> None:
        assert self._resampler is not None
        self._waiting.append(samples)
        self._waiting_samples += samples.shape[1]
        if self._waiting_samples >= _RESAMPLED_AT_ONCE:
            self._resample_waiting()

    def _resample_waiting(self) -> None:
        assert self._resampler is not None
        if self._waiting:
            piece = self._resampler.push(torch.cat(self._waiting, dim=1))
            self._waiting, self._waiting_samples = [], 0
            self._store(piece)
            if self._sink is None:
                self.truncated = self._length * self._channels >= MOST_SAMPLES

    def _store(self, piece: Tensor) -> None:
        """Writes samples behind those before, so that the whole is never there twice."""
        if self._sink is not None:
            self._sink(piece)
            return
        stop = self._length + piece.shape[1]
        if self._kept is None or stop > self._kept.shape[1]:
            expected = int(self._expected_samples() * _LONGER_THAN_DECLARED) + SAMPLE_RATE
            expected = min(expected, MOST_SAMPLES // self._channels)
            longer = torch.empty(self._channels, max(expected, stop, 2 * self._length))
            if self._kept is not None:
                longer[:, : self._length] = self._kept[:, : self._length]
            self._kept = longer
        self._kept[:, self._length : stop] = piece
        self._length = stop


def is_silent(waveform: Tensor) -> bool:
    """Whether half the distance between highest and lowest sample is below `SILENCE_PEAK`.

    Args:
        waveform: `(channels, N)` in [-1, 1]; the loudest channel decides.
    """
    if waveform.numel() == 0:
        return True
    return float((waveform.amax(dim=1) - waveform.amin(dim=1)).max() / 2) < SILENCE_PEAK


def samples_of(frame: "AudioFrame") -> np.ndarray:
    """The samples of a decoded frame as float32 in [-1, 1], `(channels, n)`."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    code = samples.dtype.str[1:]
    if code not in _INTEGER_SCALES:
        return np.ascontiguousarray(samples, dtype=np.float32)
    scale = _INTEGER_SCALES[code]
    shift = scale if code == "u1" else 0.0
    return ((samples.astype(np.float64) - shift) / scale).astype(np.float32)
