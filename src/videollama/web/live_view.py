"""What the page knows of one visitor's camera: the last seconds and what was told of them.

A browser sends pictures, no sound; so what is heard is not told here.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from videollama.errors import InputError, MediaError
from videollama.inference.engine import CAPTION_REQUEST
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.scheduling import Request
from videollama.live.alert import Alert
from videollama.live.memory import RollingMemory
from videollama.media.frame_sampling import FrameSampling

if TYPE_CHECKING:
    from torch import Tensor

    from videollama.web.backend import Backend

SECONDS_BETWEEN_LOOKS = 4.0
MOST_ALERTS = 4
_MEMORY_SECONDS = 8.0
_NUM_FRAMES = 8
_MOST_LINES = 50
_LOOK = WordChoice(max_new_tokens=32)


@dataclass(frozen=True)
class Line:
    """Something that was told.

    Attributes:
        time_seconds: When, counted from the first picture.
        kind: "seen", "alert" or "answer".
        text: What is seen, what was watched for, or the answer.
        question: What was asked.
    """

    time_seconds: float
    kind: Literal["seen", "alert", "answer"]
    text: str
    question: str = ""


class LiveView:
    """One visitor's camera.

    Attributes:
        lines: What was told, the newest last; the oldest are let go.
    """

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._memory: RollingMemory | None = None
        self._began = self._next_look = 0.0
        self._seen = ""
        self._alerts: dict[str, Alert] = {}

    def see(self, backend: "Backend", picture: bytes, alerts: Sequence[str]) -> None:
        """Takes the camera's next picture, and looks when it is time to.

        Args:
            backend: Opens the picture and answers.
            picture: A JPEG or PNG file.
            alerts: What to watch for, as in `Alert`.

        Raises:
            InputError: There are too many alerts.
            MediaError: It is no picture.
            BusyError: Too many wait already; the next look is tried at its time.
        """
        frame = _opened(backend, picture)
        if self._memory is None:
            self._memory = RollingMemory("camera", _MEMORY_SECONDS)
            self._began = perf_counter()
            self._next_look = SECONDS_BETWEEN_LOOKS / 2
        now = self._now()
        self._memory.see(now, frame)
        if now < self._next_look:
            return
        self._next_look = now + SECONDS_BETWEEN_LOOKS
        self._watch_for(alerts)
        self._look(backend, now)

    def ask(self, backend: "Backend", question: str) -> None:
        """Answers a question about the last seconds.

        Raises:
            InputError: The question is empty, or no camera is on.
            BusyError: Too many wait already.
        """
        if not question.strip():
            raise InputError("The question is empty; ask something, for example 'What happens?'.")
        now = self._now()
        [text] = self._answers(backend, [question.strip()], WordChoice(), now)
        self._tell(Line(now, "answer", text, question.strip()))

    def _now(self) -> float:
        return perf_counter() - self._began

    def _watch_for(self, alerts: Sequence[str]) -> None:
        """The alerts of now; those that go on keep their count."""
        if len(alerts) > MOST_ALERTS:
            raise InputError(
                f"{len(alerts)} things are watched for, and at most {MOST_ALERTS} can be; leave "
                "some out."
            )
        self._alerts = {text: self._alerts.get(text) or Alert(text) for text in alerts}

    def _look(self, backend: "Backend", now: float) -> None:
        alerts = list(self._alerts.values())
        questions = [CAPTION_REQUEST, *[alert.question for alert in alerts]]
        seen, *answers = self._answers(backend, questions, _LOOK, now)
        if seen != self._seen:
            self._seen = seen
            self._tell(Line(now, "seen", seen))
        for alert, answer in zip(alerts, answers, strict=True):
            if alert.is_due(answer):
                self._tell(Line(now, "alert", alert.text))

    def _answers(
        self, backend: "Backend", questions: Sequence[str], words: WordChoice, now: float
    ) -> list[str]:
        clip = None if self._memory is None else self._memory.clip(now, _NUM_FRAMES)
        if clip is None:
            raise InputError("Nothing was seen yet; turn the camera on first.")
        tickets = [
            backend.submit(Request([question_message(question, [clip])], [clip], words))
            for question in questions
        ]
        return [ticket.result().text for ticket in tickets]

    def _tell(self, line: Line) -> None:
        self.lines = [*self.lines, line][-_MOST_LINES:]


def picture_in(address: str) -> bytes:
    """The file in a data: URL, as a browser sends it.

    Raises:
        MediaError: It was damaged on its way.
    """
    try:
        return base64.b64decode(address.partition(",")[2], validate=True)
    except ValueError as error:
        raise _no_picture() from error


def _opened(backend: "Backend", picture: bytes) -> "Tensor":
    """The frame of a picture, opened as any file of a visitor is."""
    with TemporaryDirectory(prefix="videollama-") as folder:
        file = Path(folder, "camera")
        file.write_bytes(picture)
        frames = backend.read(file, FrameSampling(1), False).frames
    if frames is None:
        raise _no_picture()
    return frames[0]


def _no_picture() -> MediaError:
    return MediaError("What the camera sent is no picture; turn it off and on again.")
