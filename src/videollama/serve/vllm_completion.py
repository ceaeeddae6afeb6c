"""An answer as a request to vLLM: the prompt as embeddings, and the rules in vLLM's words.

The rules are those that `generate` prepared for our own decoder. What vLLM has no words for is
refused, so that no answer comes out by other rules.
"""

import base64
import io
from typing import Any

import torch
from torch import Tensor
from transformers import EosTokenCriteria
from transformers.generation.logits_process import (
    NoRepeatNGramLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from videollama.errors import InputError
from videollama.inference.decoding import Row

# Said each time, or the generation_config.json of the decoder's folder would count.
_NO_RULES = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
_WHOLE_ANSWER = 2**31 - 1


def completion_of(row: Row, max_new_tokens: int, name: str) -> dict[str, Any]:
    """The body that lets vLLM write an answer.

    Args:
        row: The answer, which `begin_row` prepared.
        max_new_tokens: The longest answer.
        name: What vLLM calls the decoder.

    Raises:
        InputError: A rule of the model has no counterpart in vLLM.
    """
    return {
        "model": name,
        "prompt_embeds": _written(row.prompt_embeds),
        "max_tokens": max_new_tokens,
        # The row itself knows when an answer ends; these spare vLLM what would come after.
        "ignore_eos": True,
        "stop_token_ids": stop_token_ids(row),
        **_NO_RULES,
        **_rules(row),
    }


def stop_token_ids(row: Row) -> list[int]:
    """The tokens that end an answer, each by itself."""
    return [
        int(token_id)
        for each in row.stopping_criteria
        if isinstance(each, EosTokenCriteria)
        for token_id in each.eos_token_id
    ]


def _rules(row: Row) -> dict[str, Any]:
    rules: dict[str, Any] = {"temperature": 0.0}
    if row.generator is not None:
        rules = {"temperature": 1.0, "seed": row.generator.initial_seed()}
    for each in row.logits_processor:
        if isinstance(each, TemperatureLogitsWarper):
            rules["temperature"] = each.temperature
        elif isinstance(each, TopKLogitsWarper):
            rules["top_k"] = each.top_k
        elif isinstance(each, TopPLogitsWarper):
            rules["top_p"] = each.top_p
        elif isinstance(each, NoRepeatNGramLogitsProcessor):
            rules["vllm_xargs"] = {"ngram_size": each.ngram_size, "window_size": _WHOLE_ANSWER}
        else:
            raise InputError(
                f"This model's rule {type(each).__name__} has no counterpart in vLLM; take it out "
                "of its generation_config.json, or leave --backend vllm out."
            )
    return rules


def _written(embeds: Tensor) -> str:
    """A prompt `(1, L, D)` as vLLM reads it: a tensor `(L, D)` as torch saves it, in base64."""
    file = io.BytesIO()
    torch.save(embeds[0].cpu().contiguous(), file)
    return base64.b64encode(file.getvalue()).decode()
