"""How likely the model finds a text, or yes, as its answer about clips that are encoded already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import tokenizable
from videollama.media.clip import Clip
from videollama.prompts import Medium, Turn, encode_plain_text

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama

ROWS_PER_PASS = 8  # scores of all words are kept for every token of the text


@dataclass(frozen=True)
class ShownMedium:
    """What stands in a prompt in place of a clip.

    Attributes:
        medium: What the prompt says of it.
        video_tokens: Tokens of its picture, `(Qv, D)`; None where the prompt holds none.
        audio_tokens: Tokens of its sound, `(Qa, D)`; None where the prompt holds none.
    """

    medium: Medium
    video_tokens: Tensor | None = None
    audio_tokens: Tensor | None = None


def show(encoder: MediaEncoder, clip: Clip) -> ShownMedium:
    """Encodes a clip as it would stand in a prompt.

    Args:
        encoder: Encodes it, or knows it.
        clip: A clip as it was read.
    """
    message = {"role": "user", "content": [{"type": clip.kind, "clip": 0}]}
    encoded = encoder.encode([message], [clip])
    tokens = (encoded.video_embeds, encoded.audio_embeds)
    video, audio = (None if each is None else each[0] for each in tokens)
    return ShownMedium(encoder.processor.medium(clip, clip.kind), video, audio)


@torch.inference_mode()
def answer_log_likelihoods(
    assistant: "VideoLlama",
    shown: Sequence[ShownMedium | None],
    question: str,
    text: str,
    *,
    rows_per_pass: int = ROWS_PER_PASS,
) -> list[float]:
    """How likely a text is as the answer to a question, once for every clip.

    Args:
        assistant: A loaded model, with its decoder.
        shown: A clip for each question; None asks without any.
        question: Asked of each.
        text: The answer to be judged.
        rows_per_pass: Clips that the decoder reads together.

    Returns:
        The mean of the logarithms of the probabilities of the text's tokens, 0 or less; what ends
        the answer does not count.
    """
    processor = assistant.processor
    answer = encode_plain_text(tokenizable(text), processor.tokenizer)
    found: list[float] = []
    for first in range(0, len(shown), rows_per_pass):
        part = shown[first : first + rows_per_pass]
        prompts = [_prompt(each, question) for each in part]
        inputs = processor.pad_left([processor.encode_turns(turns) + answer for turns in prompts])
        logits = _logits(assistant, inputs, part, len(answer))[:, :-1]
        chances = logits.float().log_softmax(dim=-1)  # (rows, answer, vocabulary)
        wanted = torch.tensor(answer, device=chances.device).expand(len(part), -1)
        found += chances.gather(2, wanted[..., None])[..., 0].mean(dim=1).tolist()
    return found


@torch.inference_mode()
def yes_likelihoods(
    assistant: "VideoLlama | MediaEncoder",
    shown: Sequence[ShownMedium],
    questions: Sequence[str],
    *,
    rows_per_pass: int = ROWS_PER_PASS,
) -> list[float]:
    """How likely the model answers yes rather than no.

    Args:
        assistant: A loaded model with its decoder, or what encodes its media.
        shown: A clip for each question.
        questions: One for each clip.
        rows_per_pass: Questions that the decoder reads together.

    Returns:
        P(Yes) / (P(Yes) + P(No)) of the answer's first token, 0 to 1.
    """
    processor = assistant.processor
    words = [encode_plain_text(word, processor.tokenizer)[0] for word in ("Yes", "No")]
    found: list[float] = []
    for first in range(0, len(shown), rows_per_pass):
        part = shown[first : first + rows_per_pass]
        asked = questions[first : first + rows_per_pass]
        prompts = [_prompt(*each) for each in zip(part, asked, strict=True)]
        inputs = processor.pad_left([processor.encode_turns(turns) for turns in prompts])
        logits = _logits(assistant, inputs, part, 0)[:, -1]
        found += logits[:, words].float().softmax(dim=-1)[:, 0].tolist()
    return found


def _prompt(shown: ShownMedium | None, question: str) -> list[Turn]:
    media = () if shown is None else (shown.medium,)
    return [Turn("user", (*media, question))]


def _logits(
    assistant: "VideoLlama | MediaEncoder",
    inputs: dict[str, Tensor],
    shown: Sequence[ShownMedium | None],
    answer_length: int,
) -> Tensor:
    """Scores of the answer's tokens and of the one behind, `(rows, answer + 1, vocabulary)`."""
    model = assistant.model
    some = [each for each in shown if each is not None]
    outputs = model(
        input_ids=inputs["input_ids"].to(model.device),
        attention_mask=inputs["attention_mask"].to(model.device),
        video_embeds=_stacked([each.video_tokens for each in some], model.device),
        audio_embeds=_stacked([each.audio_tokens for each in some], model.device),
        logits_to_keep=answer_length + 1,
        use_cache=False,
    )
    logits: Tensor = outputs.logits[:, -answer_length - 1 :]
    return logits


def _stacked(tokens: Sequence[Tensor | None], device: torch.device) -> Tensor | None:
    there = [each for each in tokens if each is not None]
    return torch.stack(there).to(device) if there else None
