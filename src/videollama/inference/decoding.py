"""Several answers written at the same time, each beginning and ending when it wants.

    add(rows)   reads the prompts of new rows together, and writes the first token of each
    step()      writes the next token of every row
    keep(rows)  lets go of the others

Rows that began earlier are longer; shorter ones are padded on the left, which the mask hides.
A row of a conversation takes what was read of it before from its memory, and gives it back.
Letters: R rows, L tokens read and written so far, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import (
    BatchFeature,
    DynamicCache,
    LogitsProcessorList,
    MaxLengthCriteria,
    StoppingCriteriaList,
)

from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.generation import EncodedMedia, run_generate
from videollama.inference.options import WordChoice
from videollama.model.decoder_cache import CACHE_ARGUMENT, joined, selected

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration


@dataclass(eq=False)
class Row:
    """One answer that is being written.

    Attributes:
        prompt_ids: The whole prompt, `(1, L)`.
        prompt_embeds: What the decoder reads first, `(1, L, D)`; let go of once it is read.
        logits_processor: Changes the scores of the next token.
        stopping_criteria: Say when the answer ends.
        generator: Draws tokens; `None` takes the likeliest.
        ids: Tokens written so far, `(1, at most max_new_tokens)`.
        memory: Of the conversation; `None` reads all and keeps nothing.
        ended: Why the answer is complete, an error if one ended it; `None` while it is not.
    """

    prompt_ids: Tensor
    prompt_embeds: Tensor
    logits_processor: LogitsProcessorList
    stopping_criteria: StoppingCriteriaList
    generator: torch.Generator | None
    ids: Tensor
    memory: ConversationMemory | None = None
    ended: Literal["stop", "length"] | Exception | None = None

    def write(self, logits: Tensor) -> None:
        """Chooses the next token from its logits, `(1, vocabulary)`, as `generate` does."""
        try:
            scores: Tensor = self.logits_processor(
                cast("torch.LongTensor", self.ids), cast("torch.FloatTensor", logits.float())
            )
            if self.generator is None:
                token = scores.argmax(dim=-1, keepdim=True)
            else:
                chances = scores.softmax(dim=-1)
                token = torch.multinomial(chances, 1, generator=self.generator)
            self.take(token)
        except Exception as failure:  # it ends this row alone
            self.ended = failure

    def take(self, token_ids: Tensor) -> None:
        """Adds tokens that were chosen, `(1, any)`, and sees whether they end the answer."""
        self.ids = torch.cat([self.ids, token_ids], dim=1)
        reached = [each for each in self.stopping_criteria if bool(each(self.ids, None).all())]
        if reached:
            too_long = all(isinstance(each, MaxLengthCriteria) for each in reached)
            self.ended = "length" if too_long else "stop"


def begin_row(
    model: "VideoLlamaForConditionalGeneration",
    inputs: BatchFeature,
    encoded: EncodedMedia,
    words: WordChoice,
    memory: ConversationMemory | None = None,
    **more: Any,
) -> Row:
    """Prepares one answer without reading or writing anything.

    `generate` sets all up as for an answer of its own, from the model's defaults to its rules about
    repetitions, and hands over here instead of writing.

    Args:
        model: Any Video-LLaMA.
        inputs: As for `write`, with one row.
        encoded: As for `write`.
        words: How words are chosen; without beams.
        memory: As for `write`.
        **more: As for `write`.
    """
    generator = None
    if words.do_sample:
        generator = torch.Generator(model.device).manual_seed(words.seed)

    def take_over(  # the names are those that `generate` calls it with
        model: Any,
        input_ids: Tensor,
        logits_processor: LogitsProcessorList,
        stopping_criteria: StoppingCriteriaList,
        generation_config: Any,
        **prepared: Any,
    ) -> Row:
        embeds = prepared["inputs_embeds"]
        prompt_ids = inputs["input_ids"]
        choice = (logits_processor, stopping_criteria, generator)
        return Row(prompt_ids, embeds, *choice, input_ids, memory)

    row: Row = run_generate(model, inputs, encoded, words, **more, custom_generate=take_over)
    return row


class DecodingBatch:
    """The rows that are written together, and what the decoder remembers of them.

    Args:
        model: Any Video-LLaMA.

    Attributes:
        rows: Answers that are being written.
    """

    def __init__(self, model: "VideoLlamaForConditionalGeneration") -> None:
        self._model = model
        self.rows: list[Row] = []
        self._cache: DynamicCache | None = None
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=model.device)  # (R, L)

    @torch.inference_mode()
    def add(self, rows: Sequence[Row]) -> None:
        """Reads the prompts of new rows and writes the first token of each.

        They are read together, but for those with a memory, of which little is new. Where that
        fails, for want of memory for example, nothing has changed but that memories are empty.
        """
        groups = [[row] for row in rows if row.memory is not None]
        if without := [row for row in rows if row.memory is None]:
            groups.append(without)
        read = [self._read_prompts(group) for group in groups]
        caches = [cache for cache, _, _ in read]
        masks = [mask for _, mask, _ in read]
        if self._cache is not None:
            caches, masks = [self._cache, *caches], [self._mask, *masks]
        self._cache = joined(caches) if len(caches) > 1 else caches[0]
        length = self._cache.get_seq_length()
        self._mask = torch.cat([functional.pad(m, (length - m.shape[1], 0)) for m in masks])
        for group, (_, _, logits) in zip(groups, read, strict=True):
            self.rows += group
            for row, scores in zip(group, logits.split(1), strict=True):
                row.write(scores)
                row.prompt_embeds = row.prompt_embeds.new_empty(0)  # is in the cache from now on

    def _read_prompts(self, rows: Sequence[Row]) -> tuple[DynamicCache, Tensor, Tensor]:
        """A cache of prompts, their mask `(R, L)`, and logits of what follows, `(R, vocabulary)`.

        Args:
            rows: Several without a memory, or one.
        """
        lengths = [row.prompt_embeds.shape[1] for row in rows]
        longest = max(lengths)
        embeds = torch.cat(
            [
                functional.pad(row.prompt_embeds, (0, 0, longest - length, 0))
                for row, length in zip(rows, lengths, strict=True)
            ]
        )
        places = torch.arange(longest, device=embeds.device)
        mask = (places >= longest - torch.tensor(lengths, device=embeds.device)[:, None]).long()
        memory = rows[0].memory
        cache = DynamicCache() if memory is None else memory.recall(rows[0].prompt_ids, None)
        logits = self._read(mask, cache, inputs_embeds=embeds[:, cache.get_seq_length() :])
        return cache, mask, logits

    @torch.inference_mode()
    def step(self) -> None:
        """Writes the next token of every row; there must be one at least."""
        self._mask = functional.pad(self._mask, (0, 1), value=1)
        newest = torch.cat([row.ids[:, -1:] for row in self.rows])
        logits = self._read(self._mask, self._cache, input_ids=newest)
        for row, scores in zip(self.rows, logits.split(1), strict=True):
            row.write(scores)

    @torch.inference_mode()
    def keep(self, rows: Sequence[Row]) -> None:
        """Lets go of all rows but these, and of the padding that none of them needs."""
        if len(rows) == len(self.rows):
            return
        for number, row in enumerate(self.rows):
            if row not in rows:
                self._remember(number, row)
        kept = [number for number, row in enumerate(self.rows) if row in rows]
        self.rows = [self.rows[number] for number in kept]
        if not kept or self._cache is None:
            self._cache, self._mask = None, self._mask[:0, :0]
            return
        first_token = int(self._mask[kept].any(dim=0).int().argmax())
        self._cache = selected(self._cache, kept, first_token)
        self._mask = self._mask[kept, first_token:]

    def _remember(self, number: int, row: Row) -> None:
        """Gives what was read and written of a row to its memory; an error leaves it empty."""
        if row.memory is None or self._cache is None or isinstance(row.ended, Exception):
            return
        first_token = int(self._mask[number].argmax())
        cache = selected(self._cache, [number], first_token)
        row.memory.remember(cache, row.prompt_ids, row.ids)

    def _read(self, mask: Tensor, cache: DynamicCache | None, **tokens: Tensor) -> Tensor:
        """Logits of what follows the last token of every row, `(R, vocabulary)`."""
        outputs = self._model(
            attention_mask=mask,
            logits_to_keep=1,
            use_cache=True,
            **{CACHE_ARGUMENT: cache},
            **tokens,
        )
        logits: Tensor = outputs.logits[:, -1]
        return logits
