"""Many files, one question: several conversations per pass of the decoder.

While a batch is encoded and answered, another thread opens the files of the next.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from time import perf_counter

from videollama.errors import VideoLlamaError
from videollama.inference.answer import (
    Answer,
    Captioned,
    Timings,
    what_was_heard,
    what_was_seen,
)
from videollama.inference.generation import write, write_measured
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import Medium, question_message, read_media
from videollama.inference.options import WordChoice
from videollama.media.clip import Clip
from videollama.media.frame_sampling import FrameSampling


@dataclass(frozen=True)
class Asked:
    """A question, and how the words of its answers are chosen."""

    question: str
    words: WordChoice


def caption_in_batches(
    encoder: MediaEncoder,
    media: Sequence[Medium],
    of_pictures: Asked,
    of_sounds: Asked,
    sampling: FrameSampling,
    batch_size: int,
    with_confidence: bool = False,
) -> Iterator[Captioned]:
    """Asks about every file.

    Args:
        encoder: What encodes the files, with the model that answers.
        media: Files, or clips that were read before.
        of_pictures: Asked of those with a picture.
        of_sounds: Asked of those without.
        sampling: Which moments to look at.
        batch_size: Files per pass.
        with_confidence: Whether to measure `Answer.confidence`.

    Yields:
        One result per file, in order; a file that cannot be used gives its error.
    """
    side = encoder.model.config.vision_config.image_size
    batches = [media[first : first + batch_size] for first in range(0, len(media), batch_size)]
    for opened, read_seconds in _one_ahead(batches, sampling, side):
        clips = [item for item in opened if isinstance(item, Clip)]
        each_read = read_seconds / max(len(clips), 1)
        seen, heard = (
            iter(_answers(encoder, some, asked, each_read, with_confidence))
            for asked, some in (
                (of_pictures, [clip for clip in clips if clip.kind != "audio"]),
                (of_sounds, [clip for clip in clips if clip.kind == "audio"]),
            )
        )
        for item in opened:
            if isinstance(item, Captioned):
                yield item
            else:
                answers = heard if item.kind == "audio" else seen
                yield Captioned(str(item.path), answer=next(answers))


def _one_ahead(
    batches: Sequence[Sequence[Medium]], sampling: FrameSampling, frame_side: int
) -> Iterator[tuple[list[Clip | Captioned], float]]:
    """Opened batches and the seconds that took, each begun when the one before is handed out."""
    if not batches:
        return
    coming = _begin_opening(batches[0], sampling, frame_side)
    for batch in batches[1:]:
        opened = coming.result()
        coming = _begin_opening(batch, sampling, frame_side)
        yield opened
    yield coming.result()


def _begin_opening(
    batch: Sequence[Medium], sampling: FrameSampling, frame_side: int
) -> "Future[tuple[list[Clip | Captioned], float]]":
    """In a daemon thread, so that Ctrl-C does not wait for the end of a long file."""
    future: Future[tuple[list[Clip | Captioned], float]] = Future()

    def open_all() -> None:
        started = perf_counter()
        try:
            opened = [_open(item, sampling, frame_side) for item in batch]
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result((opened, perf_counter() - started))

    Thread(target=open_all, daemon=True).start()
    return future


def _open(item: Medium, sampling: FrameSampling, frame_side: int) -> Clip | Captioned:
    try:
        return read_media(item, sampling, frame_side)[0]
    except VideoLlamaError as error:
        return Captioned(str(item), error=str(error))


def _answers(
    encoder: MediaEncoder,
    clips: list[Clip],
    asked: Asked,
    read_seconds: float,
    with_confidence: bool,
) -> list[Answer]:
    """One answer per clip; the timings are the batch's, divided by its size.

    `read_seconds` are those of one clip.

    The files may have been read while the batch before was answered, so the sum may be more than
    has passed.
    """
    if not clips:
        return []
    started, processor = perf_counter(), encoder.processor
    conversations = [
        [question_message(asked.question, [clip], first_clip=position)]
        for position, clip in enumerate(clips)
    ]
    inputs = processor(conversations, clips=clips, with_media=False)
    prepared = perf_counter()
    encoded = encoder.encode(conversations, clips)
    encoded_at = perf_counter()
    prompts = (encoder.model, inputs, encoded, asked.words)
    confidences: list[float] | list[None] = [None] * len(clips)
    if with_confidence:
        token_ids, confidences = write_measured(*prompts, **processor.stop_arguments())
    else:
        token_ids = write(*prompts, **processor.stop_arguments())
    share = 1 / len(clips)
    timings = Timings(
        read_seconds=read_seconds,
        prepare_seconds=(prepared - started + encoded.prepare_seconds) * share,
        see_seconds=encoded.see_seconds * share,
        hear_seconds=encoded.hear_seconds * share,
        generate_seconds=(perf_counter() - encoded_at) * share,
        num_new_tokens=token_ids.shape[1],
    )
    return [
        Answer(
            text=processor.decode_answer(ids),
            seen=what_was_seen([clip]),
            heard=what_was_heard([clip]),
            timings=timings,
            warnings=clip.warnings,
            confidence=confidence,
        )
        for clip, ids, confidence in zip(clips, token_ids, confidences, strict=True)
    ]
