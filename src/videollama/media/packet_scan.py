"""One walk over the packets of a file: when each frame is shown, and the sound; no pictures yet."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import av

from videollama.media.sound_track import SoundTrack

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream


@dataclass(frozen=True)
class Timeline:
    """The frames of a video stream in the order of showing.

    Attributes:
        stamps: Presentation stamp of every frame, sorted, in units of `time_base`; frames that an
            edit list hides are left out.
        keyframes: Those stamps at which decoding can begin, sorted.
        time_base: Seconds per unit.
        last_duration: Units that the last frame is shown.
        seekable: Whether stamps are complete and different, so that frames can be found by them.
    """

    stamps: tuple[int, ...]
    keyframes: tuple[int, ...]
    time_base: Fraction
    last_duration: int
    seekable: bool

    @cached_property
    def times_seconds(self) -> list[float]:
        """Time of every frame, counted from the first."""
        first, units, parts = self.stamps[0], self.time_base.numerator, self.time_base.denominator
        return [(stamp - first) * units / parts for stamp in self.stamps]

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the end of the last."""
        span = self.stamps[-1] - self.stamps[0] + self.last_duration
        return float(span * self.time_base)

    @property
    def frames_per_second(self) -> float | None:
        """Mean rate; None for a single frame without a duration."""
        duration = self.duration_seconds
        return len(self.stamps) / duration if duration > 0 else None


@dataclass
class PacketScan:
    """What the walk found.

    Attributes:
        timeline: None without a video stream, or when it holds no packets.
        damaged: The walk ended early because the file is damaged or cut off.
        encrypted: Packets are encrypted.
    """

    timeline: Timeline | None = None
    damaged: bool = False
    encrypted: bool = False


@dataclass
class _Stamps:
    shown: list[int] = field(default_factory=list)
    keyframes: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    without_stamp: int = 0

    def add(self, packet: "Packet[Any]") -> None:
        if packet.is_discard:
            return
        if packet.pts is None:
            self.without_stamp += 1
            return
        self.shown.append(packet.pts)
        self.durations.append(packet.duration or 0)
        if packet.is_keyframe:
            self.keyframes.append(packet.pts)


def scan_packets(
    container: "InputContainer", video: "VideoStream | None", sound: SoundTrack | None
) -> PacketScan:
    """Walks over the file once.

    Args:
        container: Opened file.
        video: Stream whose frame times are wanted.
        sound: Receives the packets of its stream.

    Returns:
        Times of the frames, and what was wrong with the file.
    """
    scan, stamps = PacketScan(), _Stamps()
    streams = [stream for stream in (video, sound and sound.stream) if stream is not None]
    if not streams:
        return scan
    try:
        for packet in container.demux(streams):
            if packet.size == 0:
                continue
            if _is_encrypted(packet):
                scan.encrypted = True
                break
            if video is not None and packet.stream_index == video.index:
                stamps.add(packet)
            elif sound is not None:
                sound.push(packet)
    except av.error.FFmpegError:
        scan.damaged = True
    if video is not None and (stamps.shown or stamps.without_stamp):
        scan.timeline = _timeline(stamps, video)
    return scan


def _is_encrypted(packet: "Packet[Any]") -> bool:
    """Whether a packet says that it is; PyAV 15 cannot tell, and nothing of the file is seen."""
    says = getattr(packet, "has_sidedata", None)
    return says is not None and bool(says("encryption_info"))


def _timeline(stamps: _Stamps, video: "VideoStream") -> Timeline | None:
    time_base = video.time_base or Fraction(1, 1000)
    shown = sorted(set(stamps.shown))
    complete = not stamps.without_stamp and len(shown) == len(stamps.shown)
    if not complete:
        return timeline_without_stamps(len(stamps.shown) + stamps.without_stamp, video)
    by_stamp = dict(zip(stamps.shown, stamps.durations, strict=True))
    steps = [later - earlier for earlier, later in pairwise(shown)]
    last = by_stamp[shown[-1]] or (int(median(steps)) if steps else 0)
    return Timeline(tuple(shown), tuple(sorted(stamps.keyframes)), time_base, last, True)


def timeline_without_stamps(count: int, video: "VideoStream") -> Timeline | None:
    """Frames at the stream's stated rate, where packets do not say when they are shown."""
    if count == 0:
        return None
    rate = video.average_rate or video.guessed_rate or Fraction(25)
    return Timeline(tuple(range(count)), (), 1 / Fraction(rate), 1, False)
