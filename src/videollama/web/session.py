"""One visit to the page: a file, what was asked about it, and what was answered."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from videollama.errors import InputError
from videollama.inference.answer import Heard, Seen, what_was_heard, what_was_seen
from videollama.inference.messages import Message, answer_message, question_message
from videollama.media.clip import Clip
from videollama.media.decode import probe, read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.sheet import thumbnail_size

if TYPE_CHECKING:
    from videollama.inference.chat import Chat
    from videollama.inference.engine import VideoLlama
    from videollama.inference.options import AskOptions


@dataclass(frozen=True)
class Settings:
    """What a person may choose for the next answer.

    Attributes:
        num_frames: Frames to look at, evenly spread.
        start_seconds: What comes before is left out.
        end_seconds: What comes after is left out.
        use_sound: Whether the model gets the sound of a video; of a sound file it always does.
        max_new_tokens: The longest answer.
    """

    num_frames: int = 8
    start_seconds: float | None = None
    end_seconds: float | None = None
    use_sound: bool = True
    max_new_tokens: int = 96

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
    """

    question: str
    text: str = ""
    status: Literal["waiting", "writing", "done", "stopped"] = "waiting"
    seen: tuple[Seen, ...] = ()
    heard: tuple[Heard, ...] = ()
    seconds: float = 0.0
    attempt: int = 0
    messages_before: tuple[Message, ...] = ()


class Session:
    """What the page knows of one person.

    Attributes:
        file: The file that is asked about; None before one is chosen.
        overview: What is known of it, without frames and sound; None before one is chosen.
        turns: The conversation about it.
    """

    def __init__(self) -> None:
        self.file: Path | None = None
        self.overview: Clip | None = None
        self.turns: list[Turn] = []
        self._messages: tuple[Message, ...] = ()
        self._clip: tuple[FrameSampling, bool, Clip] | None = None
        self._chat: tuple[Clip, int, int, Chat] | None = None
        self._stop: Event | None = None

    def open(self, file: Path, settings: Settings) -> Clip:
        """Chooses a file, which begins a new conversation.

        Returns:
            The frames and the sound that the model would get, the frames in their own shape.

        Raises:
            MediaError: The file cannot be used; then none is chosen.
            InputError: The settings do not fit the file.
        """
        self.close()
        clip = _thumbnails(file, settings)
        self.file, self.overview = file, replace(clip, frames=None, waveform=None)
        return clip

    def look(self, settings: Settings) -> Clip:
        """The same for the file that is chosen already, with other settings."""
        clip = _thumbnails(self._require_file(), settings)
        self.overview = replace(clip, frames=None, waveform=None)
        return clip

    def close(self) -> None:
        """Forgets the file and the conversation."""
        self.file = self.overview = self._clip = self._chat = None
        self.clear()

    def clear(self) -> None:
        """Begins a new conversation about the same file."""
        self.stop()
        self.turns, self._messages = [], ()

    def stop(self) -> None:
        """Ends the answer that is being written after its current word."""
        if self._stop is not None:
            self._stop.set()

    def ask(self, assistant: "VideoLlama", question: str, settings: Settings) -> Iterator[Turn]:
        """Answers the next question.

        Yields:
            The last of `turns`, as it grows.

        Raises:
            InputError: There is no file, no question, or a setting makes no sense.
            MediaError: The file cannot be used.
        """
        self._require_file()
        if not question.strip():
            raise InputError("The question is empty; ask something, for example 'What happens?'.")
        turn = Turn(question.strip(), messages_before=self._messages)
        return self._answer(assistant, turn, settings)

    def retry(self, assistant: "VideoLlama", settings: Settings) -> Iterator[Turn]:
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
        return self._answer(assistant, turn, settings)

    def _answer(self, assistant: "VideoLlama", turn: Turn, settings: Settings) -> Iterator[Turn]:
        turns = self.turns  # another file begins another list
        stop = self._stop = Event()
        started = perf_counter()
        turns.append(turn)
        yield turn
        try:
            chat = self._require_chat(assistant, turn, settings)
            with closing(chat.stream(turn.question)) as pieces:  # type: ignore[type-var]
                for piece in pieces:
                    turns[-1] = turn = replace(turn, text=turn.text + piece, status="writing")
                    yield turn
                    if stop.is_set():
                        break
        except Exception:
            del turns[-1]
            raise
        clips = chat.clips
        turns[-1] = turn = replace(
            turn,
            status="stopped" if stop.is_set() else "done",
            seen=what_was_seen(clips),
            heard=what_was_heard(clips),
            seconds=perf_counter() - started,
        )
        if turns is self.turns:
            asked = question_message(turn.question, clips if not turn.messages_before else [])
            self._messages = (*turn.messages_before, asked, answer_message(turn.text))
        yield turn

    def _require_chat(self, assistant: "VideoLlama", turn: Turn, settings: Settings) -> "Chat":
        """The conversation with the model; a new one only where the settings are new."""
        clip = self._read(assistant, settings)
        length, seed = settings.max_new_tokens, turn.attempt
        if self._chat is None or self._chat[:3] != (clip, length, seed):
            options: AskOptions = {"max_new_tokens": length}
            if seed:
                options["seed"] = seed
            self._chat = (clip, length, seed, assistant.chat(clip, **options))
        chat = self._chat[3]
        chat.messages = list(turn.messages_before)
        return chat

    def _read(self, assistant: "VideoLlama", settings: Settings) -> Clip:
        """The clip as the model gets it, read once for the same settings."""
        is_sound = self.overview is not None and self.overview.kind == "audio"
        sampling, use_sound = settings.sampling, settings.use_sound or is_sound
        if self._clip is None or self._clip[:2] != (sampling, use_sound):
            side = assistant.model.config.vision_config.image_size
            clip = read_clip(
                self._require_file(), sampling, frame_size=(side, side), want_audio=use_sound
            )
            self._clip = (sampling, use_sound, clip)
        return self._clip[2]

    def _require_file(self) -> Path:
        if self.file is None:
            raise InputError("No file is chosen; choose one first, or one of the examples.")
        return self.file


def _thumbnails(file: Path, settings: Settings) -> Clip:
    """The clip with frames in their own shape, for people."""
    info = probe(file, settings.sampling)
    size = thumbnail_size(info.frame_size) if info.frame_size else None
    use_sound = settings.use_sound or info.kind == "audio"
    return read_clip(file, settings.sampling, frame_size=size, want_audio=use_sound)
