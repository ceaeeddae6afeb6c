"""Q-Formers: a few learned questions that read a long sequence.

The layers are transformers' `Blip2QFormerModel`; here is what Video-LLaMA puts around them:
positions in time, and a mask, so that padding never changes an answer.

Letters: N clips, T frames or segments, K vectors read, Q queries, D width.
"""

import torch
from torch import Tensor, nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel

from videollama.errors import InputError


class TimePositionEmbedding(nn.Embedding):
    """One learned vector per place in time, stretched over clips with more places than rows.

    The original looks rows up and fails beyond the last one (32 frames, 8 segments). Here a clip
    of n > rows places is laid evenly over the whole table and reads between its rows; up to `rows`
    places are looked up exactly.
    """

    def forward(self, mask: Tensor) -> Tensor:
        """Positions of the places that count.

        Args:
            mask: True where a clip has a frame or segment, `(N, T)`. Each clip is counted for
                itself, so a longer neighbour in the batch does not move it.

        Returns:
            Position vectors, `(N, T, D)`; those of masked places mean nothing.
        """
        last_row = self.num_embeddings - 1
        place = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
        last_place = place[:, -1:].clamp(min=1)
        row = place * (last_row / last_place).clamp(max=1.0)
        below = row.long().clamp(max=last_row)
        above = (below + 1).clamp(max=last_row)
        share = (row - below).unsqueeze(-1)
        lower = super().forward(below)
        return lower + share.to(lower) * (super().forward(above) - lower)


def build_qformer(config: Blip2QFormerConfig) -> Blip2QFormerModel:
    """A Q-Former of this configuration."""
    return Blip2QFormerModel._from_config(config)


def read_with_queries(
    qformer: Blip2QFormerModel, query_tokens: Tensor, vectors: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Let the learned queries read the vectors.

    Args:
        qformer: The Q-Former.
        query_tokens: The learned queries, `(1, Q, D)`.
        vectors: What they read, `(N, K, De)`.
        mask: True where a vector counts, `(N, K)`; `None` where all do.

    Returns:
        What they found, `(N, Q, D)`.
    """
    queries = query_tokens.to(vectors.device).expand(len(vectors), -1, -1)
    return qformer(
        query_embeds=queries,
        encoder_hidden_states=vectors,
        encoder_attention_mask=mask,
        return_dict=True,
    ).last_hidden_state


def query_tokens(number: int, width: int) -> nn.Parameter:
    """Learned queries, `(1, number, width)`, to be initialised by the model."""
    return nn.Parameter(torch.zeros(1, number, width))


def mask_or_all(mask: Tensor | None, features: Tensor) -> Tensor:
    """A boolean mask `(N, T)` over the times of `features` `(N, T, …)`: as given, or all true.

    Raises:
        InputError: A clip has nothing but padding.
    """
    if mask is None:
        return torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
    mask = mask.to(device=features.device, dtype=torch.bool)
    if not bool(mask.any(dim=1).all()):
        empty = (~mask.any(dim=1)).nonzero()[0].item()
        raise InputError(
            f"Clip {empty} of the batch has no frame or segment that counts (its mask is all "
            "false); leave the clip and its placeholders out."
        )
    return mask
