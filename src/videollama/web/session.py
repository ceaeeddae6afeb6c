"""One visit to the page: a file, what was asked about it, and what was answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Timer
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from videollama.errors import InputError
from videollama.inference.answer import Flag, Heard, Seen
from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.messages import Message, answer_message, question_message
from videollama.inference.named_parts import part_named_in, without_named_part
from videollama.inference.options import WordChoice
from videollama.inference.scheduling import Request, Ticket
from videollama.media.clip import Clip
from videollama.media.frame_sampling import FrameSampling

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

    from videollama.web.backend import Backend

LONGEST_QUESTION = 4000  # characters


@dataclass(frozen=True)
class Settings:
    """What a person may choose for the next answer.

    Attributes:
        num_frames: Frames to look at, evenly spread.
        start_seconds: What comes before is left out.
        end_seconds: What comes after is left out.
        use_sound: Whether the model gets the sound of a video; of a sound file it always does.
        max_new_tokens: The longest answer.
        check: Whether to flag what an answer names and the file does not bear out.
    """

    num_frames: int = 8
    start_seconds: float | None = None
    end_seconds: float | None = None
    use_sound: bool = True
    max_new_tokens: int = 96
    check: bool = False

    @property
    def sampling(self) -> FrameSampling:
        """Which frames, and which part of the file.

        Raises:
            InputError: The numbers make no sense.
        """
        return FrameSampling(
            self.num_frames, start_seconds=self.start_seconds, end_seconds=self.end_seconds
        )


@dataclass(frozen=True)
class Turn:
    """A question, its answer as far as it is written, and what that is based on.

    Attributes:
        question: What was asked.
        text: The answer so far.
        status: "waiting" before the first word, "writing", "done" or "stopped".
        seen: The frames that were looked at.
        heard: The sound that was listened to.
        seconds: From the question to the last word.
        attempt: How often the question was asked before; each attempt draws other words.
        messages_before: What the model knew of the conversation.
        flags: What the file does not bear out; None where that was not checked.
    """

    question: str
    text: str = ""
    status: Literal["waiting", "writing", "done", "stopped"] = "waiting"
    seen: tuple[Seen, ...] = ()
    heard: tuple[Heard, ...] = ()
    seconds: float = 0.0
    attempt: int = 0
    messages_before: tuple[Message, ...] = ()
    flags: tuple[Flag, ...] | None = None


class Session:
    """What the page knows of one person.

    Attributes:
        file: The file that is asked about; None before one is chosen.
        overview: What is known of it, without frames and sound; None before one is chosen.
        turns: The conversation about it.
        link_folder: Where the file is that a link led to; it goes with the session.
    """

    def __init__(self) -> None:
        self.file: Path | None = None
        self.link_folder: TemporaryDirectory[str] | None = None
        self.overview: Clip | None = None
        self.turns: list[Turn] = []
        self._messages: tuple[Message, ...] = ()
        self._clip: tuple[FrameSampling, bool, Clip] | None = None
        self._memory = ConversationMemory()
        self._ticket: Ticket | None = None
        self._stop: Event | None = None

    def open(self, backend: "Backend", file: Path, settings: Settings) -> Clip:
        """Chooses a file, which begins a new conversation.

        Returns:
            The frames and the sound that the model would get, the frames in their own shape.

        Raises:
            MediaError: The file cannot be used; then none is chosen.
            InputError: The settings do not fit the file.
        """
        self.close()
        clip = backend.preview(file, settings.sampling, settings.use_sound)
        self.file, self.overview = file, replace(clip, frames=None, waveform=None)
        return clip

    def look(self, backend: "Backend", settings: Settings) -> Clip:
        """The same for the file that is chosen already, with other settings."""
        clip = backend.preview(self._require_file(), settings.sampling, settings.use_sound)
        self.overview = replace(clip, frames=None, waveform=None)
        return clip

    def close(self) -> None:
        """Forgets the file and the conversation."""
        self.file = self.overview = self._clip = None
        self.clear()

    def clear(self) -> None:
        """Begins a new conversation about the same file."""
        self.stop()
        self.turns, self._messages, self._memory = [], (), ConversationMemory()

    def stop(self) -> None:
        """Ends the answer that is being written after its current word."""
        if self._stop is not None:
            self._stop.set()
        if self._ticket is not None:
            self._ticket.cancel()

    def ask(self, backend: "Backend", question: str, settings: Settings) -> Iterator[Turn]:
        """Answers the next question.

        Yields:
            The last of `turns`, as it grows.

        Raises:
            InputError: There is no file, no question, or a setting makes no sense.
            MediaError: The file cannot be used.
            BusyError: Too many wait already.
        """
        self._require_file()
        if len(question) > LONGEST_QUESTION:
            raise InputError(
                f"The question has {len(question)} characters, and at most {LONGEST_QUESTION} are "
                "read; make it shorter."
            )
        if not question.strip():
            raise InputError("The question is empty; ask something, for example 'What happens?'.")
        turn = Turn(question.strip(), messages_before=self._messages)
        return self._answer(backend, turn, settings)

    def retry(self, backend: "Backend", settings: Settings) -> Iterator[Turn]:
        """Takes the last answer back and draws another one; the same attempt draws the same words.

        Yields:
            As `ask`.

        Raises:
            InputError: Nothing was asked yet, or a setting makes no sense.
            MediaError: The file cannot be used.
        """
        self._require_file()
        if not self.turns:
            raise InputError("Nothing was asked yet; ask a question first.")
        last = self.turns.pop()
        turn = Turn(last.question, attempt=last.attempt + 1, messages_before=last.messages_before)
        return self._answer(backend, turn, settings)

    def _answer(self, backend: "Backend", turn: Turn, settings: Settings) -> Iterator[Turn]:
        turns = self.turns  # another file begins another list
        stop = self._stop = Event()
        started = perf_counter()
        turns.append(turn)
        yield turn
        try:
            clip = self._read(backend, settings, turn.question)
            asked = question_message(
                self._asked(turn.question, settings), [] if turn.messages_before else [clip]
            )
            words = WordChoice(
                settings.max_new_tokens, do_sample=turn.attempt > 0, seed=turn.attempt
            )
            messages = [*turn.messages_before, asked]
            request = Request(messages, [clip], words, self._memory, check=settings.check)
            backend.keep(self._memory)
            with _submitted(backend, request) as ticket:
                self._ticket = ticket
                if stop.is_set():
                    ticket.cancel()
                for piece in ticket:
                    turns[-1] = turn = replace(turn, text=turn.text + piece, status="writing")
                    yield turn
                finished = ticket.result()
        except Exception:
            del turns[-1]
            raise
        turns[-1] = turn = replace(
            turn,
            status="stopped" if finished.finish_reason == "cancelled" else "done",
            seen=finished.seen,
            heard=finished.heard,
            seconds=perf_counter() - started,
            flags=finished.flags,
        )
        if turns is self.turns:
            self._messages = (*messages, answer_message(turn.text))
        yield turn

    def _read(self, backend: "Backend", settings: Settings, question: str) -> Clip:
        """The clip as the model gets it, read once for the same settings and the same part."""
        kind = None if self.overview is None else self.overview.kind
        sampling, use_sound = settings.sampling, settings.use_sound or kind == "audio"
        named = part_named_in(question)
        if named is not None and kind != "image" and sampling.is_whole:
            sampling = replace(sampling, **named._asdict())
        if self._clip is None or self._clip[:2] != (sampling, use_sound):
            clip = backend.read(self._require_file(), sampling, use_sound)
            self._clip = (sampling, use_sound, clip)
            self._memory = ConversationMemory()  # a memory is of the same clip
        return self._clip[2]

    def _asked(self, question: str, settings: Settings) -> str:
        """The question without the part that it names, where the clip is that part."""
        is_part = self._clip is not None and self._clip[0] != settings.sampling
        return without_named_part(question) if is_part else question

    def _require_file(self) -> Path:
        if self.file is None:
            raise InputError("No file is chosen; choose one first, or one of the examples.")
        return self.file


@contextmanager
def _submitted(backend: "Backend", request: Request) -> Iterator[Ticket]:
    """A question in the queue, given up with the block or when it takes too long."""
    ticket = backend.submit(request)
    seconds = backend.limits.answer_seconds
    timer = None if seconds is None else Timer(seconds, ticket.cancel)
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield ticket
    finally:
        ticket.cancel()
        if timer is not None:
            timer.cancel()
