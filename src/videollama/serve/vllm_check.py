"""Whether a vLLM server holds a model's decoder, takes its prompts, and keeps to its rules.

An answer by another decoder would look like any other, so this is found out before the first.
"""

from contextlib import aclosing
from typing import Any

from transformers.generation.logits_process import NoRepeatNGramLogitsProcessor

from videollama.errors import BackendError
from videollama.inference.decoding import Row
from videollama.serve.vllm_client import Served, VllmClient, Written
from videollama.serve.vllm_completion import completion_of, stop_token_ids

REPETITIONS_OPTION = (
    "--logits-processors vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor"
)
_ALIKE = 0.1  # of a logarithm; one decoder in another batch differs by far less


async def check_decoder(client: VllmClient, row: Row) -> Served:
    """What the server holds.

    Args:
        client: Of the server.
        row: A short question without media, greedy, by the rules of the model.

    Raises:
        BackendError: The server cannot be used; the sentence says what to change.
        InputError: The model has a rule that vLLM does not have.
    """
    served = await client.served()
    remedy = "start it with --enable-prompt-embeds and the decoder of this model"
    # Without token ids in place of words it would want a tokenizer, which it may not have.
    wishes = {"logprobs": 1, "return_tokens_as_token_ids": True}
    body = {**completion_of(row, 1, served.name), **wishes}
    by_ids = {**body, "prompt": row.prompt_ids[0].tolist()}
    del by_ids["prompt_embeds"]
    try:
        first, first_by_ids = [(await _steps(client, each))[0] for each in (body, by_ids)]
    except BackendError as error:
        raise BackendError(
            f"vLLM at {client.url} does not take this model's prompts, which are embeddings of "
            f"width {row.prompt_embeds.shape[-1]} ({str(error).rstrip('.')}); {remedy}."
        ) from error
    if not _are_alike(first, first_by_ids):
        raise BackendError(
            f"vLLM at {client.url} serves {served.name}, which knows other words than this "
            f"model's decoder; {remedy}."
        )
    await _check_repetitions(client, row, served)
    return served


async def _check_repetitions(client: VllmClient, row: Row, served: Served) -> None:
    """Makes one token overwhelmingly likely, which then may not come for ever."""
    rules = [
        each for each in row.logits_processor if isinstance(each, NoRepeatNGramLogitsProcessor)
    ]
    if not rules:
        return
    size, stops = rules[0].ngram_size, stop_token_ids(row)
    likely = next(each for each in row.prompt_ids[0].tolist() if each not in stops)
    body = {**completion_of(row, size + 1, served.name), "logit_bias": {str(likely): 100.0}}
    written = [token_id for step in await _steps(client, body) for token_id in step.token_ids]
    if len(set(written)) == 1:
        raise BackendError(
            f"This model writes no {size} tokens twice in an answer, and vLLM at {client.url} does "
            f"not keep to it; start it with {REPETITIONS_OPTION}."
        )


async def _steps(client: VllmClient, body: dict[str, Any]) -> list[Written]:
    """All steps of a short answer, at least one."""
    async with aclosing(client.complete(body)) as steps:
        found = [step async for step in steps]
    if not found:
        raise BackendError("vLLM wrote nothing.")
    return found


def _are_alike(first: Written, second: Written) -> bool:
    """Whether one decoder begins an answer like the other."""
    if first.log_probability is None or second.log_probability is None:
        return False
    near = abs(first.log_probability - second.log_probability) < _ALIKE
    return first.token_ids == second.token_ids and near
