"""From prepared inputs to words: media are encoded once, then the decoder writes.

inputs (BatchFeature) ──encode_media──> EncodedMedia ──┐
inputs.input_ids ──────────────────────────────────────┴─ write ──> token ids of the answers
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import BatchFeature, StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import TextIteratorStreamer

from videollama.inference.options import WordChoice

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration


@dataclass(frozen=True)
class EncodedMedia:
    """What the decoder reads in place of the media.

    Attributes:
        video_embeds: Shape `(N, Qv, D)` for the N clips with a picture, or `None`.
        audio_embeds: Shape `(M, Qa, D)` for the M clips with sound, or `None`.
        see_seconds: Time it took to make `video_embeds`.
        hear_seconds: Time it took to make `audio_embeds`.
    """

    video_embeds: Tensor | None = None
    audio_embeds: Tensor | None = None
    see_seconds: float = 0.0
    hear_seconds: float = 0.0


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
        pixel_values = inputs["pixel_values"].to(model.device, model.dtype)
        frame_features = model.encode_frames(pixel_values)
        video_embeds = model.encode_video(frame_features, inputs["pixel_mask"].to(model.device))
    seen = perf_counter()
    if inputs.get("audio_values") is not None:
        audio_values = inputs["audio_values"].to(model.device, model.dtype)
        segment_features = model.encode_segments(audio_values)
        audio_embeds = model.encode_audio(segment_features, inputs["audio_mask"].to(model.device))
    return EncodedMedia(video_embeds, audio_embeds, seen - started, perf_counter() - seen)


@torch.inference_mode()
def write(
    model: "VideoLlamaForConditionalGeneration",
    inputs: BatchFeature,
    encoded: EncodedMedia,
    words: WordChoice,
    **generate_arguments: Any,
) -> Tensor:
    """Lets the decoder answer every conversation of the batch.

    Args:
        model: Any Video-LLaMA.
        inputs: `input_ids` and `attention_mask`, shape `(B, L)`, padded on the left.
        encoded: The media of the whole batch, in the order of their placeholders.
        words: How words are chosen.
        **generate_arguments: Further keywords of `generate` (stop tokens, a streamer).

    Returns:
        The new token ids, shape `(B, at most max_new_tokens)`.
    """
    input_ids = inputs["input_ids"].to(model.device)
    media = {"video_embeds": encoded.video_embeds, "audio_embeds": encoded.audio_embeds}
    with _seeded(words, model.device):
        sequences = model.generate(
            input_ids=input_ids,
            attention_mask=inputs["attention_mask"].to(model.device),
            **{name: value for name, value in media.items() if value is not None},
            **words.generate_arguments(),
            **generate_arguments,
        )
    return sequences[:, input_ids.shape[1] :]


def write_streaming(
    model: "VideoLlamaForConditionalGeneration",
    inputs: BatchFeature,
    encoded: EncodedMedia,
    words: WordChoice,
    tokenizer: Any,
    **generate_arguments: Any,
) -> Iterator[str]:
    """Like `write` for one conversation, but gives the text piece by piece as it is written.

    The decoder runs in a thread of its own; it stops after the current word when the caller stops
    listening, and an error in it is raised here.
    """
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    abandoned = Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            write(
                model,
                inputs,
                encoded,
                words,
                streamer=streamer,
                stopping_criteria=StoppingCriteriaList([_StopWhenAbandoned(abandoned)]),
                **generate_arguments,
            )
        except BaseException as failure:  # raised again below, in the caller's thread
            failures.append(failure)
            streamer.end()

    worker = Thread(target=work, name="videollama-write", daemon=True)
    worker.start()
    try:
        yield from streamer
    finally:
        abandoned.set()
        worker.join()
    if failures:
        raise failures[0]


class _StopWhenAbandoned(StoppingCriteria):
    def __init__(self, abandoned: Event) -> None:
        self.abandoned = abandoned

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        done = self.abandoned.is_set()
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
