"""How likely the model finds a given answer, without writing one itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from videollama.errors import InputError
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.messages import answer_message, question_message, tokenizable
from videollama.media.clip import Clip

if TYPE_CHECKING:
    from videollama.processing import VideoLlamaProcessor


@torch.inference_mode()
def answer_likelihoods(
    encoder: MediaEncoder, clips: Sequence[Clip], question: str, answer: str
) -> list[float]:
    """The mean log-probability of an answer's tokens, given each clip.

    Comparing clips by it is fair: question and answer are the same for all. Comparing answers by it
    is not, because common words are likely whatever is shown.

    Args:
        encoder: Encodes the clips, or knows them; with the model that is asked.
        clips: One pass of the decoder takes all of them.
        question: Asked of each.
        answer: One that the model could give.

    Returns:
        Nats per token, below 0, one for each clip; the mark that ends an answer is not counted.

    Raises:
        InputError: Question or answer is empty.
    """
    if not clips:
        return []
    asked = [
        [question_message(question, [clip], first_clip=place)] for place, clip in enumerate(clips)
    ]
    if not answer.strip():
        raise InputError("The answer is empty; give one that the model could give.")
    said = answer_message(tokenizable(answer.strip()))
    answered = [[*turns, said] for turns in asked]
    processor, model = encoder.processor, encoder.model
    prompt = processor(asked, clips=clips, with_media=False)["input_ids"]
    whole = processor(answered, clips=clips, with_media=False, add_generation_prompt=False)
    ids = whole["input_ids"]
    count = ids.shape[1] - prompt.shape[1]
    encoded = encoder.encode(asked, clips)
    media = {"video_embeds": encoded.video_embeds, "audio_embeds": encoded.audio_embeds}
    logits = model(
        input_ids=ids.to(model.device),
        attention_mask=whole["attention_mask"].to(model.device),
        logits_to_keep=count + 1,
        **{name: each for name, each in media.items() if each is not None},
    ).logits[:, :-1]
    written = ids[:, -count:].to(logits.device)
    chances = logits.float().log_softmax(dim=-1).gather(2, written[..., None])[..., 0]  # (B, count)
    num_words = count - _num_end_tokens(processor, written[0].tolist())
    return chances[:, : max(1, num_words)].mean(dim=1).tolist()


def _num_end_tokens(processor: "VideoLlamaProcessor", ids: Sequence[int]) -> int:
    """How many tokens at the end of a turn are no words."""
    text = processor.decode_answer(list(ids))
    for number in range(1, len(ids)):
        if processor.decode_answer(list(ids[:-number])) != text:
            return number - 1
    return len(ids) - 1
