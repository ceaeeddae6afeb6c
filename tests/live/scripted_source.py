"""A source in which time passes only where somebody waits for it."""

from threading import Event

import torch


class ScriptedSource:
    """Six seconds of black frames under a tone, all there from the beginning."""

    seconds = 6.0
    has_sound = True
    late_by = 0.0
    """What every look takes."""

    def __init__(self, source, frame_side, frames_per_second, tell):
        self.tell, self._side = tell, frame_side
        self._now, self._filled, self._over = 0.0, Event(), Event()

    def now_seconds(self):
        return self._now

    def seconds_until(self, time_seconds):
        self._filled.wait()
        if time_seconds > self.seconds:
            self._now = self.seconds
            self._over.set()
            return 60.0  # the end is told before
        self._now = time_seconds + self.late_by
        return 0.0

    def stop(self):
        self._over.set()

    def run(self, listener):
        for tenth in range(int(self.seconds * 10)):
            listener.see(tenth / 10, torch.zeros(self._side, self._side, 3, dtype=torch.uint8))
            if self.has_sound:
                listener.hear(tenth / 10, torch.linspace(-1, 1, 1600)[None])
        self._filled.set()
        self._over.wait()
