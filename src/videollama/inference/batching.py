"""Many files, one question: several conversations per pass of the decoder."""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from videollama.errors import VideoLlamaError
from videollama.inference.answer import (
    Answer,
    Captioned,
    Timings,
    what_was_heard,
    what_was_seen,
)
from videollama.inference.generation import write
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import Medium, question_message, read_media
from videollama.inference.options import WordChoice
from videollama.media.clip import Clip
from videollama.media.frame_sampling import FrameSampling

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor


def caption_in_batches(
    model: "VideoLlamaForConditionalGeneration",
    processor: "VideoLlamaProcessor",
    encoder: MediaEncoder,
    media: Sequence[Medium],
    question: str,
    sampling: FrameSampling,
    words: WordChoice,
    batch_size: int,
) -> Iterator[Captioned]:
    """Asks the same question about every file.

    Args:
        model: The network, on its device.
        processor: What turns files and messages into its inputs.
        encoder: What encodes the files.
        media: Files, or clips that were read before.
        question: Asked of each.
        sampling: Which moments to look at.
        words: How words are chosen.
        batch_size: Files per pass.

    Yields:
        One result per file, in order; a file that cannot be used gives its error.
    """
    for first in range(0, len(media), batch_size):
        started = perf_counter()
        side = model.config.vision_config.image_size
        opened = [_open(item, sampling, side) for item in media[first : first + batch_size]]
        read_seconds = perf_counter() - started
        clips = [item for item in opened if isinstance(item, Clip)]
        answers = iter(_answers(model, processor, encoder, clips, question, words, read_seconds))
        for item in opened:
            if isinstance(item, Captioned):
                yield item
            else:
                yield Captioned(str(item.path), answer=next(answers))


def _open(item: Medium, sampling: FrameSampling, frame_side: int) -> Clip | Captioned:
    try:
        return read_media(item, sampling, frame_side)[0]
    except VideoLlamaError as error:
        return Captioned(str(item), error=str(error))


def _answers(
    model: "VideoLlamaForConditionalGeneration",
    processor: "VideoLlamaProcessor",
    encoder: MediaEncoder,
    clips: list[Clip],
    question: str,
    words: WordChoice,
    read_seconds: float,
) -> list[Answer]:
    """One answer per clip; the timings are the batch's, divided by its size."""
    if not clips:
        return []
    started = perf_counter()
    conversations = [
        [question_message(question, [clip], first_clip=position)]
        for position, clip in enumerate(clips)
    ]
    inputs = processor(conversations, clips=clips, with_media=False)
    prepared = perf_counter()
    encoded = encoder.encode(conversations, clips)
    encoded_at = perf_counter()
    token_ids = write(model, inputs, encoded, words, **processor.stop_arguments())
    share = 1 / len(clips)
    timings = Timings(
        read_seconds=read_seconds * share,
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
        )
        for clip, ids in zip(clips, token_ids, strict=True)
    ]
