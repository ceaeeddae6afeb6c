"""Who opens the files and answers the questions of all visitors of a page."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeVar

from videollama.applications.highlight_files import write_cut
from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.guarding import Guards
from videollama.inference.requests import Request, Ticket, Writer
from videollama.media.clip import Clip
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.overview import Overview, look_over
from videollama.media.preview import read_preview

if TYPE_CHECKING:
    from videollama.applications.highlights import Highlights
    from videollama.inference.engine import VideoLlama
    from videollama.search.query import Hit

T = TypeVar("T")
Search = Callable[[str], "list[Hit]"]
Fetch = Callable[[str, Path], None]
Read = Callable[[Path, FrameSampling, bool], Clip]
_MOST_MEMORIES = 32


@dataclass(frozen=True)
class PageLimits:
    """What one visitor may take, and all of them.

    Attributes:
        upload_bytes: The largest file that is opened.
        stored_bytes: All uploads together; one more is refused.
        num_frames: Most frames to look at.
        max_new_tokens: The longest answer.
        answers: Answers that are written at the same time.
        waiting: Visitors who may wait beside them.
        answer_seconds: An answer that takes longer is ended as it is; `None` lets it go on.
    """

    upload_bytes: int = 1000 * 10**6
    stored_bytes: int = 20_000 * 10**6
    num_frames: int = 32
    max_new_tokens: int = 256
    answers: int = 8
    waiting: int = 32
    answer_seconds: float | None = None


class WholeFiles(Protocol):
    """Goes through whole files; every method may raise a `VideoLlamaError`."""

    def look_over(self, file: Path) -> Overview:
        """Finds the cuts of a file, and how loud each moment of it is."""

    def go_through(
        self,
        question: str | None,
        work: "Callable[[VideoLlama], T]",
        words_of: Callable[[T], str],
    ) -> T:
        """Lets the model work, one file at a time.

        Args:
            question: What guards read before; None where the visitor wrote nothing.
            work: Takes the model.
            words_of: What guards read afterwards.
        """

    def cut(self, file: Path, highlights: "Highlights", target: Path) -> None:
        """Writes a cut and beside it its account and its edit list."""


@dataclass(frozen=True)
class Backend:
    """What the page needs of the rest; it may be used from any thread.

    Attributes:
        read: The clip of a file as the model gets it; takes the file, the frames that are wanted,
            and whether the sound is. A `VideoLlamaError` says what is wrong with the file.
        preview: The same for people, as `read_preview`.
        submit: Puts a question into the queue; a `VideoLlamaError` says why that cannot be.
        whole: Goes through whole files.
        search: Finds moments of a library; None where there is none.
        fetch: Writes what an address holds into a file; None where links are not opened.
        limits: What visitors may take.
    """

    read: Read
    preview: Read
    submit: Callable[[Request], Ticket]
    whole: WholeFiles
    search: Search | None = None
    fetch: Fetch | None = None
    limits: PageLimits = PageLimits()
    _memories: deque[ConversationMemory] = field(default_factory=deque)
    _one_at_a_time: Lock = field(default_factory=Lock)

    def keep(self, memory: ConversationMemory) -> None:
        """Keeps what is remembered of a conversation that goes on.

        Where there are too many, the one that was quiet longest is forgotten; its next question
        costs what a first one does.
        """
        with self._one_at_a_time:
            if memory in self._memories:
                self._memories.remove(memory)
            self._memories.append(memory)
            while len(self._memories) > _MOST_MEMORIES:
                self._memories.popleft().forget()


class LocalFiles:
    """Goes through whole files in this process.

    Args:
        assistant: The model.
        guards: Read what visitors write, and what it writes.
    """

    def __init__(self, assistant: "VideoLlama", guards: Guards) -> None:
        self._assistant, self._guards, self._one_at_a_time = assistant, guards, Lock()

    def look_over(self, file: Path) -> Overview:
        """As `media.overview.look_over`."""
        return look_over(file)

    def go_through(
        self,
        question: str | None,
        work: "Callable[[VideoLlama], T]",
        words_of: Callable[[T], str],
    ) -> T:
        """Waits until nobody else does."""
        with self._one_at_a_time:
            return self._guards.answer(question, lambda: work(self._assistant), words_of)

    def cut(self, file: Path, highlights: "Highlights", target: Path) -> None:
        """As `write_cut`."""
        write_cut(highlights, look_over(file), target)


def local_backend(
    assistant: "VideoLlama",
    writer: Writer,
    limits: PageLimits | None = None,
    search: Search | None = None,
    fetch: Fetch | None = None,
    guards: Guards | None = None,
) -> Backend:
    """Opens files in this process, as one does whose visitors are trusted with the machine.

    Args:
        assistant: The model.
        writer: Writes its answers.
        limits: What visitors may take; the defaults if absent.
        search: Finds moments of a library.
        fetch: Opens links.
        guards: Stand around the writer and around work on whole files.
    """
    guards = guards or Guards()

    def read(file: Path, sampling: FrameSampling, want_audio: bool) -> Clip:
        size = assistant.processor.frame_size
        return read_clip(file, sampling, frame_size=size, want_audio=want_audio)

    def preview(file: Path, sampling: FrameSampling, want_audio: bool) -> Clip:
        return read_preview(file, sampling, want_audio=want_audio)

    whole, submit = LocalFiles(assistant, guards), guards.around(writer).submit
    return Backend(read, preview, submit, whole, search, fetch, limits or PageLimits())
