"""Frames and sound as they come: from a camera, a stream, or a file played in real time."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Protocol, cast

import av
import torch
from torch import Tensor

from videollama.errors import MediaError
from videollama.media.audio import SAMPLE_RATE
from videollama.media.container import local_file, opened
from videollama.media.resampling import Resampler, is_practical
from videollama.media.sound_track import samples_of
from videollama.media.video_track import FrameScaler

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

BEHIND_SECONDS = 2.0
"""So late, pictures are left out until time is caught up with."""

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 30.0
GIVE_UP_SECONDS = 300.0
"""A stream that stays away so long will not come back."""

_JUMP_SECONDS = 10.0
_OPEN_SECONDS, _READ_SECONDS = 10.0, 10.0
_PROTOCOLS = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "rtp", "srt")
_ADDRESS = re.compile(rf"({'|'.join(_PROTOCOLS)})://", re.IGNORECASE)
_CAMERA = re.compile(r"camera(?::(\d+))?|(/dev/video\d+)")
_CAMERA_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
_EXOTIC_RATE_INSTEAD = 48_000


class Listener(Protocol):
    """Who gets what comes."""

    def see(self, time_seconds: float, frame: Tensor) -> None:
        """Takes a frame, uint8 RGB `(H, W, 3)`."""

    def hear(self, time_seconds: float, samples: Tensor) -> None:
        """Takes the next sound, float32 `(channels, n)` at 16 kHz in [-1, 1]."""


class LiveSource:
    """Reads a source at the pace at which things happen.

    A file is held back to its own pace. Whatever comes late is caught up with by leaving pictures
    out, never sound, and that is told. A stream that breaks off is opened again, after 1, 2, 4 …
    at most 30 seconds, until it has been away for 5 minutes.

    Args:
        source: A file; an address of rtsp, rtmp, http, https, udp, rtp or srt; `camera`,
            `camera:1`, `/dev/video0`.
        frame_side: Frames are scaled to this many pixels squared.
        frames_per_second: So many frames are handed on per second, at most as many as there are.
        tell: Gets sentences about the source: behind, lost, back.

    Raises:
        MediaError: There is no such file.
    """

    def __init__(
        self,
        source: str,
        frame_side: int,
        frames_per_second: float,
        tell: Callable[[str], None],
    ) -> None:
        self.source = source
        self.is_file = not (_ADDRESS.match(source) or _CAMERA.fullmatch(source))
        if self.is_file:
            local_file(source)
        self.frame_size = (frame_side, frame_side)
        self.interval_seconds = 1.0 / frames_per_second
        self._tell = tell
        self._stopped = Event()
        self._started = monotonic()

    def now_seconds(self) -> float:
        """Time on the source's clock, from the beginning of `run`."""
        return monotonic() - self._started

    def seconds_until(self, time_seconds: float) -> float:
        """How long to wait until it is so late on the source's clock; 0 where it is."""
        return max(0.0, time_seconds - self.now_seconds())

    def stop(self) -> None:
        """Ends `run` soon, from any thread."""
        self._stopped.set()

    def run(self, listener: Listener) -> None:
        """Reads until the source ends or `stop` is called.

        Raises:
            MediaError: It cannot be opened, holds nothing to see or hear, or stays away.
        """
        self._started = monotonic()
        heard_of, wait, came = 0.0, FIRST_WAIT_SECONDS, False
        while not self._stopped.is_set():
            reason, has_end, came_now = "it ended", self.is_file, False
            try:
                with self._opened() as container:
                    has_end = has_end or container.duration is not None
                    playing = _Playing(self, container, listener)
                    for _ in self._paced(playing):
                        if came and not came_now:
                            self._tell(f"{self.source} is back.")
                        came_now, heard_of = True, self.now_seconds()
                if has_end or self._stopped.is_set():
                    return
            except av.error.FFmpegError as error:
                reason = error.strerror or str(error)
            came, wait = came or came_now, FIRST_WAIT_SECONDS if came_now else wait
            if not came:
                raise MediaError(f"{self.source} cannot be read: {reason}.")
            if self.now_seconds() - heard_of > GIVE_UP_SECONDS:
                minutes = GIVE_UP_SECONDS / 60
                raise MediaError(
                    f"{self.source} has been away for {minutes:.0f} minutes: {reason}."
                )
            self._tell(f"{self.source} is lost: {reason}; trying again in {wait:.0f} s.")
            self._wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def _paced(self, playing: "_Playing") -> Iterator[float]:
        """Times of what comes, each when it is its time; late pictures are left out."""
        behind = False
        for time in playing:
            late = self.now_seconds() - time
            if late < 0 and self.is_file:
                self._wait(-late)
            if late > BEHIND_SECONDS and not behind:
                self._tell(f"{late:.1f} s behind; pictures are left out.")
            if behind and late < BEHIND_SECONDS / 4:
                self._tell("in time again.")
            behind = late > (BEHIND_SECONDS / 4 if behind else BEHIND_SECONDS)
            playing.leave_pictures_out(behind)
            if self._stopped.is_set():
                return
            yield time

    @contextmanager
    def _opened(self) -> Iterator["InputContainer"]:
        if self.is_file:
            with opened(local_file(self.source)) as container:
                yield container
            return
        camera = _CAMERA.fullmatch(self.source)
        timeout = (_OPEN_SECONDS, _READ_SECONDS)
        if camera:
            number, device = camera.groups()
            name = device or (
                f"/dev/video{number or 0}" if sys.platform == "linux" else number or "0"
            )
            form = _CAMERA_FORMATS.get(sys.platform, "v4l2")
            container = av.open(name, format=form, timeout=timeout)
        else:
            options = {"protocol_whitelist": f"{','.join(_PROTOCOLS)},tcp,tls,crypto"}
            if self.source.lower().startswith("rtsp"):
                options["rtsp_transport"] = "tcp"
            container = av.open(self.source, timeout=timeout, options=options)
        with container:
            yield container


class _Playing:
    """One opened source: iterating hands frames and sound on, and gives the time of each."""

    def __init__(self, source: LiveSource, container: "InputContainer", listener: Listener) -> None:
        self._container, self._listener = container, listener
        self._begin, self._interval = source.now_seconds(), source.interval_seconds
        self._video = cast("VideoStream | None", container.streams.best("video"))
        self._audio = container.streams.best("audio")
        self._streams = [each for each in (self._video, self._audio) if each is not None]
        if not self._streams:
            raise MediaError(f"{source.source} holds nothing that can be seen or heard.")
        self._first: float | None = None  # the stamp of the moment `begin`
        self._origins: dict[type, float] = {}  # the same, for pictures and for sound
        self._last: dict[type, float] = {}  # the latest time of pictures and of sound
        self._due = self._begin
        self._behind = self._only_keyframes = False
        self._scaler = FrameScaler(source.frame_size)
        self._hearing = _Hearing()

    def leave_pictures_out(self, wanted: bool) -> None:
        """Decodes no pictures but keyframes; and, when no longer wanted, all from the next one."""
        self._behind = wanted
        self._only_keyframes |= wanted

    def __iter__(self) -> Iterator[float]:
        for packet in self._container.demux(self._streams):
            if self._only_keyframes and packet.stream is self._video:
                if not packet.is_keyframe:
                    continue
                self._video.codec_context.flush_buffers()  # what waits there is late, too
                self._only_keyframes = self._behind
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, MemoryError):
                continue  # the next keyframe mends it
            for frame in frames:
                if not isinstance(frame, av.VideoFrame | av.AudioFrame):
                    continue
                if (time := self._time_of(frame)) is None:
                    continue
                yield time
                self._hand_on(frame, time)

    def _time_of(self, frame: "VideoFrame | AudioFrame") -> float | None:
        """On the clock of the source, which goes on over all openings."""
        if frame.time is None:
            return None
        if self._first is None:
            self._first = frame.time
        stream = type(frame)
        time = self._begin + frame.time - self._origins.setdefault(stream, self._first)
        latest = max(self._last.values(), default=self._begin)
        if time < self._last.get(stream, -inf) or time > latest + _JUMP_SECONDS:
            # A stream that begins anew, or whose stamps jump.
            self._origins[stream] += time - latest
            time = latest
        self._last[stream] = time
        return time

    def _hand_on(self, frame: "VideoFrame | AudioFrame", time: float) -> None:
        if isinstance(frame, av.AudioFrame):
            samples = self._hearing.at_16_khz(frame)
            if samples.shape[1]:
                self._listener.hear(time, samples)
        elif time >= self._due:
            self._due = max(self._due + self._interval, time)
            self._listener.see(time, torch.from_numpy(self._scaler.rgb(frame)))


class _Hearing:
    """Brings sound to 16 kHz piece by piece, over changes of rate."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None
        self._format = (0, 0)
        self._exotic: av.AudioResampler | None = None

    def at_16_khz(self, frame: "AudioFrame") -> Tensor:
        """What these samples settle, float32 `(channels, n)`."""
        pieces = [frame]
        if not is_practical(frame.sample_rate, SAMPLE_RATE):
            self._exotic = self._exotic or av.AudioResampler(rate=_EXOTIC_RATE_INSTEAD)
            pieces = self._exotic.resample(frame)
        settled = [self._settle(piece) for piece in pieces]
        return torch.cat(settled, dim=1) if settled else torch.zeros(1, 0)

    def _settle(self, piece: "AudioFrame") -> Tensor:
        samples = torch.from_numpy(samples_of(piece))
        form = (piece.sample_rate, samples.shape[0])
        if self._resampler is None or form != self._format:
            self._resampler, self._format = Resampler(piece.sample_rate, SAMPLE_RATE), form
        return self._resampler.push(samples)
