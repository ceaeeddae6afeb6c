"""A detail of the original's repetition penalty: the beginning of the text counts as said.

The original hands the prompt to the search as embeddings, and transformers 4.28 then started the
list of generated ids with BOS. A repetition penalty therefore also made BOS less likely. Today's
transformers starts with an empty list.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor


class BeginningCountsAsSaid(LogitsProcessor):
    """Applies the repetition penalty to BOS as long as BOS has not been generated.

    Args:
        bos_token_id: The id of BOS.
        penalty: The repetition penalty; above 1 makes BOS less likely.
    """

    def __init__(self, bos_token_id: int, penalty: float) -> None:
        self.bos_token_id = bos_token_id
        self.penalty = penalty

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Changes one column of the scores `(B, vocabulary)`, given the new ids `(B, L)`."""
        score = scores[:, self.bos_token_id]
        penalized = torch.where(score < 0, score * self.penalty, score / self.penalty)
        said = (input_ids == self.bos_token_id).any(dim=1)  # then transformers' own penalty counts
        scores = scores.clone()
        scores[:, self.bos_token_id] = torch.where(said, score, penalized)
        return scores


def penalize_beginning(options: dict[str, Any], bos_token_id: int | None) -> dict[str, Any]:
    """Options of `generate`, with the detail added where they ask for a repetition penalty."""
    source = options.get("generation_config")
    penalty = options.get("repetition_penalty", getattr(source, "repetition_penalty", None))
    if bos_token_id is None or penalty is None or penalty == 1.0:
        return options
    processors = [*(options.get("logits_processor") or [])]
    return {
        **options,
        "logits_processor": [*processors, BeginningCountsAsSaid(bos_token_id, penalty)],
    }
