"""From prepared inputs to words: media are encoded once, then the decoder writes.

inputs (BatchFeature) ──encode_media──> EncodedMedia ──┐
inputs.input_ids ──────────────────────────────────────┴─ write ──> token ids of the answers
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

import torch
from torch import Tensor
from transformers import BatchFeature, StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.growing_text import GrowingText
from videollama.inference.options import WordChoice
from videollama.model.decoder_cache import CACHE_ARGUMENT

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration


FRAMES_PER_PASS = 32


@dataclass(frozen=True)
class EncodedMedia:
    """What the decoder reads in place of the media.

    Attributes:
        video_embeds: Shape `(N, Qv, D)` for the N clips with a picture, or `None`.
        audio_embeds: Shape `(M, Qa, D)` for the M clips with sound, or `None`.
        see_seconds: Time it took to make `video_embeds`.
        hear_seconds: Time it took to make `audio_embeds`.
        prepare_seconds: Time it took to resize frames and filter sound before.
    """

    video_embeds: Tensor | None = None
    audio_embeds: Tensor | None = None
    see_seconds: float = 0.0
    hear_seconds: float = 0.0
    prepare_seconds: float = 0.0


@torch.inference_mode()
def encode_media(model: "VideoLlamaForConditionalGeneration", inputs: BatchFeature) -> EncodedMedia:
    """Runs the encoders and Q-Formers, and nothing of the decoder.

    Args:
        model: Any Video-LLaMA.
        inputs: What the processor made: for the N clips with a picture `pixel_values`
            `(N, T, C, H, W)` and `pixel_mask` `(N, T)`, for the M clips with sound `audio_values`
            `(M, S, 1, mel bins, mel frames)` and `audio_mask` `(M, S)`.
    """
    started = perf_counter()
    video_embeds = audio_embeds = None
    if inputs.get("pixel_values") is not None:
        frame_features = _encode_frames(model, inputs["pixel_values"])
        video_embeds = model.encode_video(frame_features, inputs["pixel_mask"].to(model.device))
    seen = perf_counter()
    if inputs.get("audio_values") is not None:
        segment_features = model.encode_segments(inputs["audio_values"].to(model.device))
        audio_embeds = model.encode_audio(segment_features, inputs["audio_mask"].to(model.device))
    return EncodedMedia(video_embeds, audio_embeds, seen - started, perf_counter() - seen)


def _encode_frames(model: "VideoLlamaForConditionalGeneration", pixel_values: Tensor) -> Tensor:
    """All frames `(N, T, C, H, W)`, a few at a time: what an encoder needs in between is large."""
    parts = pixel_values.flatten(0, 1).unsqueeze(1).split(FRAMES_PER_PASS)
    features = torch.cat([model.encode_frames(part.to(model.device)) for part in parts])
    return features.view(*pixel_values.shape[:2], *features.shape[2:])


@torch.inference_mode()
def write(
    model: "VideoLlamaForConditionalGeneration",
    inputs: BatchFeature,
    encoded: EncodedMedia,
    words: WordChoice,
    memory: ConversationMemory | None = None,
    **generate_arguments: Any,
) -> Tensor:
    """Lets the decoder answer every conversation of the batch.

    Args:
        model: Any Video-LLaMA.
        inputs: `input_ids` and `attention_mask`, shape `(B, L)`, padded on the left.
        encoded: The media of the whole batch, in the order of their placeholders.
        words: How words are chosen.
        memory: What the decoder has read of this conversation; for one row without beams.
        **generate_arguments: Further keywords of `generate` (stop tokens, a streamer).

    Returns:
        The new token ids, shape `(B, at most max_new_tokens)`.
    """
    cache = None if memory is None else memory.recall(inputs["input_ids"], model.config)
    if cache is not None:
        generate_arguments[CACHE_ARGUMENT] = cache
    with _seeded(words, model.device):
        new_ids: Tensor = run_generate(model, inputs, encoded, words, **generate_arguments)
    if memory is not None and cache is not None:
        memory.remember(cache, inputs["input_ids"], new_ids)
    return new_ids


@torch.inference_mode()
def write_measured(
    model: "VideoLlamaForConditionalGeneration",
    inputs: BatchFeature,
    encoded: EncodedMedia,
    words: WordChoice,
    **generate_arguments: Any,
) -> tuple[Tensor, list[float]]:
    """Like `write`, and tells how likely the model finds each answer.

    The scores of every step are kept until the end: the size of the vocabulary, times the beams of
    all rows, for every token. Keep batches small.

    Returns:
        The new token ids, and for each row the geometric mean of its tokens' probabilities, from 0
        to 1: as the decoder gives them, before rules about repetitions and the like change them.
        The token that ends an answer counts.
    """
    with _seeded(words, model.device):
        written = run_generate(
            model,
            inputs,
            encoded,
            words,
            return_dict_in_generate=True,
            output_logits=True,
            **generate_arguments,
        )
    ids: Tensor = written.sequences
    rows = written.get("beam_indices")
    if rows is None:
        rows = torch.arange(len(ids), device=ids.device)[:, None].expand_as(ids)
        rows = rows.masked_fill(_is_behind_the_end(ids, generate_arguments), -1)
    sums, counts = torch.zeros(len(ids)), torch.zeros(len(ids))
    for step, logits in enumerate(written.logits[: ids.shape[1]]):
        counted = rows[:, step] >= 0
        chances = logits[rows[counted, step]].float().log_softmax(dim=-1)  # (rows, vocabulary)
        chosen = chances.gather(1, ids[counted, step, None])[:, 0]
        sums[counted.cpu()] += chosen.cpu()
        counts[counted.cpu()] += 1
    return ids, (sums / counts.clamp_min(1)).exp().tolist()


def _is_behind_the_end(ids: Tensor, generate_arguments: dict[str, Any]) -> Tensor:
    """Which tokens only fill up rows that were done, `(B, L)`."""
    ends = torch.tensor(generate_arguments.get("eos_token_id", []), device=ids.device)
    is_end = torch.isin(ids, ends)
    ended_before = (is_end.cumsum(dim=1) - is_end.long()) > 0
    is_padding = ids == generate_arguments.get("pad_token_id", -1)
    trailing = is_padding.flip(1).cumprod(dim=1).flip(1).bool() & ~is_end
    return ended_before | trailing


def run_generate(
    model: "VideoLlamaForConditionalGeneration",
    inputs: BatchFeature,
    encoded: EncodedMedia,
    words: WordChoice,
    **generate_arguments: Any,
) -> Any:
    """Calls `generate` with what `write` is given; where nothing is drawn, `write` does no more."""
    media = {"video_embeds": encoded.video_embeds, "audio_embeds": encoded.audio_embeds}
    with catch_warnings():
        # Looking for repetitions in the answer alone is what is wanted.
        filterwarnings("ignore", message="Passing `no_repeat_ngram_size`")
        return model.generate(
            input_ids=inputs["input_ids"].to(model.device),
            attention_mask=inputs["attention_mask"].to(model.device),
            **{name: value for name, value in media.items() if value is not None},
            **words.generate_arguments(),
            **generate_arguments,
        )


def write_streaming(
    model: "VideoLlamaForConditionalGeneration",
    inputs: BatchFeature,
    encoded: EncodedMedia,
    words: WordChoice,
    decode: Callable[[list[int]], str],
    **generate_arguments: Any,
) -> Iterator[str]:
    """Like `write` for one conversation, but gives the text piece by piece as it is written.

    The decoder runs in a thread of its own; it stops after the current word when the caller stops
    listening, and an error in it is raised here.

    Args:
        model: Any Video-LLaMA.
        inputs: As for `write`, with one row.
        encoded: As for `write`.
        words: How words are chosen; without beams.
        decode: Gives the text of the ids so far.
        **generate_arguments: As for `write`.

    Yields:
        Pieces of text; joined they are the text of all ids.
    """
    tokens = _TokenQueue()
    abandoned = Event()
    failures: list[BaseException] = []
    stopping_criteria = StoppingCriteriaList(
        [*generate_arguments.pop("stopping_criteria", ()), StopWhenSet(abandoned)]
    )

    def work() -> None:
        try:
            write(
                model,
                inputs,
                encoded,
                words,
                streamer=tokens,
                stopping_criteria=stopping_criteria,
                **generate_arguments,
            )
        except BaseException as failure:  # raised again below, in the caller's thread
            failures.append(failure)
        finally:
            tokens.end()

    worker = Thread(target=work, name="videollama-write", daemon=True)
    worker.start()
    try:
        text = GrowingText(decode)
        for ids in tokens:
            if piece := text.add(ids):
                yield piece
        if piece := text.rest():
            yield piece
    finally:
        abandoned.set()
        worker.join()
    if failures:
        raise failures[0]


class _TokenQueue(BaseStreamer):
    """Hands token ids from the decoder's thread to the caller's, one list per step."""

    def __init__(self) -> None:
        self.steps: SimpleQueue[list[int] | None] = SimpleQueue()

    def put(self, value: Tensor) -> None:
        self.steps.put(value.flatten().tolist())

    def end(self) -> None:
        self.steps.put(None)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.steps.get, None)


class StopWhenSet(StoppingCriteria):
    """Ends every row as soon as an event is set."""

    def __init__(self, event: Event) -> None:
        self.event = event

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        """Says so for every row of `input_ids` `(B, L)`."""
        done = self.event.is_set()
        return torch.full((input_ids.shape[0],), done, dtype=torch.bool, device=input_ids.device)


@contextmanager
def _seeded(words: WordChoice, device: torch.device) -> Iterator[None]:
    """Makes sampling repeatable without touching the caller's random state."""
    if not words.do_sample:
        yield
        return
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(words.seed)
        yield
