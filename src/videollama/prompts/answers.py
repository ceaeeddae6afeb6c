"""Where an answer ends and what of the generated tokens is shown."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria

from videollama.prompts.chatml import CHATML_END
from videollama.prompts.tokenization import control_token_id

_TURN_MARK = "###"
_VICUNA_FORM = ("vicuna", "billa", "ziya")


def stop_sequences(template: str, tokenizer: Any) -> list[list[int]]:
    """The token sequences that end an answer.

    For the Vicuna form "###" is meant, which a LLaMA tokenizer writes in two ways: as one piece at
    the start of a text (id 835) and as two pieces inside it (2277, 29937).

    Args:
        template: Name of the prompt template.
        tokenizer: The decoder's tokenizer.

    Returns:
        Each sequence as a list of ids. The end-of-sequence token is always among them.
    """
    stops: list[list[int]] = []
    if tokenizer.eos_token_id is not None:
        stops.append([int(tokenizer.eos_token_id)])
    if template == "chatml":
        stops.append([control_token_id(CHATML_END, tokenizer)])
    elif template in _VICUNA_FORM:
        alone = tokenizer.encode(_TURN_MARK, add_special_tokens=False)
        before = tokenizer.encode("a.", add_special_tokens=False)
        inside = tokenizer.encode(f"a.{_TURN_MARK}", add_special_tokens=False)[len(before) :]
        stops += [alone, inside]
    return [list(stop) for stop in dict.fromkeys(tuple(stop) for stop in stops if stop)]


class EndsWith(StoppingCriteria):
    """Stops each row of a batch when its newest tokens are one of the given sequences.

    The original looked at the first row only and stopped the whole batch.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        self.sequences = [torch.tensor(sequence) for sequence in sequences]

    def __call__(self, input_ids: Tensor, scores: Tensor | None, **kwargs: Any) -> Tensor:
        """Say for each row of `input_ids` (B, L) whether it has ended, as a bool tensor (B,)."""
        ended = torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
        for sequence in self.sequences:
            if sequence.numel() <= input_ids.shape[1]:
                newest = input_ids[:, -sequence.numel() :]
                ended |= (newest == sequence.to(input_ids.device)).all(dim=1)
        return ended


def clean_answer(token_ids: Sequence[int], tokenizer: Any, template: str) -> str:
    """The text of an answer without control tokens, turn marks and role names.

    Args:
        token_ids: Generated ids of one row, with or without a leading BOS.
        tokenizer: The decoder's tokenizer.
        template: Name of the prompt template.

    Returns:
        The answer, stripped. For "vicuna" and "llama_2" exactly what the original's `Chat.answer`
        returns.
    """
    if template in (*_VICUNA_FORM, "llama_2"):
        ids = without_leading_marks(token_ids)
        if template == "llama_2":
            return _last_answer(tokenizer.decode(ids), "</s>", "ASSISTANT:")
        text = tokenizer.decode(_without_end_marks(ids, tokenizer))
        return _last_answer(text, _TURN_MARK, "Assistant:")
    text = tokenizer.decode(_until_stop(token_ids, template, tokenizer), skip_special_tokens=True)
    if template == "billa_native":
        return text.split("\nHuman:")[0].strip()
    if template == "ziya_native":
        return text.split("<human>")[0].strip()
    return text.strip()


def without_leading_marks(token_ids: Sequence[int]) -> list[int]:
    """Drop one leading `<unk>` (0) and then one leading BOS (1), as `Chat.answer` does."""
    ids = [int(token) for token in token_ids]
    for mark in (0, 1):
        if ids and ids[0] == mark:
            ids = ids[1:]
    return ids


def _without_end_marks(token_ids: Sequence[int], tokenizer: Any) -> list[int]:
    """Drop closing EOS and padding, which a row that ended early in a batch carries."""
    marks = {tokenizer.eos_token_id, tokenizer.pad_token_id}
    end = len(token_ids)
    while end and token_ids[end - 1] in marks:
        end -= 1
    return list(token_ids[:end])


def _last_answer(text: str, end: str, role: str) -> str:
    return text.split(end)[0].split(role)[-1].strip()


def _until_stop(token_ids: Sequence[int], template: str, tokenizer: Any) -> list[int]:
    stops = {stop[0] for stop in stop_sequences(template, tokenizer) if len(stop) == 1}
    ids: list[int] = []
    for token in token_ids:
        if int(token) in stops:
            break
        ids.append(int(token))
    return ids
