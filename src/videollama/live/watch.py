"""Looking at a source again and again, watching for something, and answering questions beside.

    source --(a thread)--> memory --(every few seconds)--> a look: one pass of the decoder for
    "what is seen", "what is heard" and all alerts

A look costs the same whenever it is taken: the memory is bounded, and former looks are not read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from videollama.errors import InputError, LanguageError, VideoLlamaError
from videollama.inference.engine import CAPTION_REQUEST
from videollama.inference.generation import write
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.segments import HEARING_QUESTION
from videollama.live.alert import Alert
from videollama.live.memory import RollingMemory
from videollama.media.live_source import LiveSource

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama
    from videollama.media.clip import Clip

_LOOK = WordChoice(max_new_tokens=32)
_ANSWER = WordChoice()


@dataclass(frozen=True)
class Sight:
    """Something that a watch tells.

    Attributes:
        time_seconds: When, counted from the beginning.
        kind: "look", "alert", "answer", or "source" for news of the source itself.
        seen: Of a look: what is seen; None where nothing came.
        heard: Of a look: what is heard; None in silence and without a track.
        alert: What was watched for.
        question: What was asked.
        text: An answer, the sentence that an alert is due to, or news.
        took_seconds: What the model needed for it.
    """

    time_seconds: float
    kind: Literal["look", "alert", "answer", "source"]
    seen: str | None = None
    heard: str | None = None
    alert: str | None = None
    question: str | None = None
    text: str | None = None
    took_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """What there is, ready for JSON; seconds with three places."""
        facts = {name: value for name, value in asdict(self).items() if value is not None}
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in facts.items()}


class Watch:
    """Watches a source until it ends; iterating gives what there is to tell.

        for sight in Watch(VideoLlama.load(), "camera", alerts=["a dog"]):
            print(sight)

    Args:
        assistant: The model.
        source: As for `LiveSource`.
        alerts: What to watch for: a thing ("a dog"), or a question that yes or no answers.
        every_seconds: Between two looks.
        memory_seconds: So far back the model sees and hears.
        num_frames: Frames of a look.

    Raises:
        InputError: A number makes no sense, or an alert is empty.
        LanguageError: An alert is in a language that the model does not know.
        MediaError: There is no such file.
    """

    def __init__(
        self,
        assistant: "VideoLlama",
        source: str,
        *,
        alerts: Sequence[str] = (),
        every_seconds: float = 4.0,
        memory_seconds: float = 8.0,
        num_frames: int = 8,
    ) -> None:
        for name, value in (("every_seconds", every_seconds), ("memory_seconds", memory_seconds)):
            if not 0.1 <= value <= 3600:
                raise InputError(f"{name} is {value}, but must be from 0.1 to 3600.")
        self._alerts = [Alert(text) for text in alerts]
        for alert in alerts:
            assistant.processor.require_known_language(alert)
        # Encoded media are not kept on disk: no moment comes twice.
        self._encoder = MediaEncoder(assistant.model, assistant.processor)
        self._every, self._num_frames = every_seconds, num_frames
        self._memory = RollingMemory(source, memory_seconds)
        self._news: SimpleQueue[_News | _Question | _End] = SimpleQueue()
        self._source = LiveSource(
            source,
            assistant.model.config.vision_config.image_size,
            num_frames / memory_seconds,
            self._tell,
        )
        self.busy_seconds = 0.0
        self.num_looks = self.num_missed_looks = 0

    def ask(self, question: str) -> None:
        """Asks something about what was just seen and heard; the answer is told when it is there.

        Args:
            question: Free text; from any thread.
        """
        self._news.put(_Question(question))

    @property
    def elapsed_seconds(self) -> float:
        """How long it has been watched."""
        return self._source.now_seconds()

    def stop(self) -> None:
        """Ends the watch soon, from any thread."""
        self._source.stop()

    def __iter__(self) -> Iterator[Sight]:
        """What there is to tell, until the source ends.

        Raises:
            MediaError: As `LiveSource.run` does.
        """
        Thread(target=self._read, daemon=True).start()
        next_look = self._every
        try:
            while True:
                news = self._next_news(next_look)
                now = self._source.now_seconds()
                if isinstance(news, _News):
                    yield Sight(news.time_seconds, "source", text=news.text)
                elif isinstance(news, _Question):
                    yield self._answer(news.text, now)
                elif isinstance(news, _End):
                    if news.error is not None:
                        raise news.error
                    yield from self._look(now)
                    return
                else:
                    yield from self._look(now)
                    missed = int((self._source.now_seconds() - next_look) // self._every)
                    self.num_missed_looks += missed
                    if missed:
                        yield Sight(
                            now, "source", text=f"looks left out for want of time: {missed}."
                        )
                    next_look += (1 + missed) * self._every
        finally:
            self.stop()

    def _tell(self, text: str) -> None:
        self._news.put(_News(self._source.now_seconds(), text))

    def _read(self) -> None:
        try:
            self._source.run(self._memory)
        except VideoLlamaError as error:
            self._news.put(_End(error))
        else:
            self._news.put(_End())

    def _next_news(self, until_seconds: float) -> "_News | _Question | _End | None":
        """What came first; None when it is time for a look."""
        try:
            return self._news.get(timeout=self._source.seconds_until(until_seconds))
        except Empty:
            return None

    def _look(self, now: float) -> Iterator[Sight]:
        clip = self._memory.clip(now, self._num_frames)
        if clip is None:
            return
        # What is heard shall not be guessed from what is seen.
        asked = []
        if clip.frames is not None:
            asked.append(
                (CAPTION_REQUEST, replace(clip, waveform=None, audio_status="not_requested"))
            )
        if clip.audio_status == "present":
            asked.append((HEARING_QUESTION, replace(clip, kind="audio", frames=None)))
        alerts = [(alert.question, clip) for alert in self._alerts]
        answers, took = self._timed_answers([*asked, *alerts], _LOOK)
        self.num_looks += 1
        said = dict(zip((question for question, _ in asked), answers[: len(asked)], strict=True))
        seen, heard = said.get(CAPTION_REQUEST), said.get(HEARING_QUESTION)
        yield Sight(now, "look", seen=seen, heard=heard, took_seconds=took)
        for alert, text in zip(self._alerts, answers[len(asked) :], strict=True):
            if alert.is_due(text):
                yield Sight(now, "alert", alert=alert.text, text=text)

    def _answer(self, question: str, now: float) -> Sight:
        clip = self._memory.clip(now, self._num_frames)
        if clip is None:
            return Sight(now, "answer", question=question, text="Nothing was seen or heard yet.")
        try:
            [text], took = self._timed_answers([(question, clip)], _ANSWER)
        except LanguageError as refusal:
            return Sight(now, "answer", question=question, text=str(refusal))
        return Sight(now, "answer", question=question, text=text, took_seconds=took)

    def _timed_answers(
        self, asked: "Sequence[tuple[str, Clip]]", words: WordChoice
    ) -> tuple[list[str], float]:
        started = perf_counter()
        answers = self._answers(asked, words)
        took = perf_counter() - started
        self.busy_seconds += took
        return answers, took

    def _answers(self, asked: "Sequence[tuple[str, Clip]]", words: WordChoice) -> list[str]:
        """All in one pass of the decoder; a picture and a sound are encoded once."""
        if not asked:
            return []
        model, processor = self._encoder.model, self._encoder.processor
        clips = [clip for _, clip in asked]
        messages = [
            [question_message(question, [clip], first_clip=number)]
            for number, (question, clip) in enumerate(asked)
        ]
        inputs = processor(messages, clips=clips, with_media=False)
        encoded = self._encoder.encode(messages, clips)
        written = write(model, inputs, encoded, words, **processor.stop_arguments())
        return [processor.decode_answer(ids) for ids in written]


@dataclass(frozen=True)
class _News:
    time_seconds: float
    text: str


@dataclass(frozen=True)
class _Question:
    text: str


@dataclass(frozen=True)
class _End:
    error: VideoLlamaError | None = None
