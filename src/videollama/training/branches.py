"""Several questions about one clip in one pass of the decoder.

A clip's tokens are the dear part of a training sample, so they are read once and shared: the
questions branch off behind them, and the answers to one question branch off behind it.

    prefix ─┬─ question 1 ─┬─ answer 1a
            │              └─ answer 1b
            └─ question 2 ─── answer 2a

Every token sees its own branch back to the root and nothing else, at the position that it would
have alone; the loss equals that of separate prompts (tested).

Letters: B clips, L packed tokens, K cached tokens before them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Branch:
    """Ids of a question up to where the answer opens, and of its answers with their end tokens.

    Attributes:
        question_ids: The question.
        answers: Its answers.
        is_opening: The answers end with the word that decides, and have no end token.
    """

    question_ids: list[int]
    answers: list[list[int]]
    is_opening: bool = False


@dataclass(frozen=True)
class PackedClip:
    """One clip's tree as a flat sequence of L tokens.

    Attributes:
        input_ids: Tokens, prefix first.
        position_ids: Place of each token in its own prompt.
        question: Number of the question a token belongs to, 0 in the prefix.
        answer: Number of the answer, counted over the whole clip, 0 outside answers.
        sources: Places in the sequence whose next token is asked for.
        targets: Those tokens.
        decisive: Which of them is the word that decides an answer.
    """

    input_ids: list[int]
    position_ids: list[int]
    question: list[int]
    answer: list[int]
    sources: list[int]
    targets: list[int]
    decisive: list[bool]


@dataclass(frozen=True)
class PackedBatch:
    """Several packed clips, padded on the right.

    Attributes:
        input_ids: `(B, L)`.
        position_ids: `(B, L)`.
        visible: Which token sees which, `(B, L, L)`.
        sources: Places in the flattened `(B * L)` whose next token is asked for, `(A,)`.
        targets: Those tokens, `(A,)`.
        decisive: Which of them is the word that decides an answer, `(A,)`.
    """

    input_ids: Tensor
    position_ids: Tensor
    visible: Tensor
    sources: Tensor
    targets: Tensor
    decisive: Tensor


def pack_clip(prefix_ids: Sequence[int], branches: Sequence[Branch]) -> PackedClip:
    """Lay a clip's questions and answers out behind its prefix."""
    input_ids = list(prefix_ids)
    position_ids = list(range(len(input_ids)))
    question, answer = [0] * len(input_ids), [0] * len(input_ids)
    sources: list[int] = []
    targets: list[int] = []
    decisive: list[bool] = []
    num_answers = 0

    def append(ids: Sequence[int], start: int, question_number: int, answer_number: int) -> None:
        input_ids.extend(ids)
        position_ids.extend(range(start, start + len(ids)))
        question.extend([question_number] * len(ids))
        answer.extend([answer_number] * len(ids))

    for number, branch in enumerate(branches, start=1):
        append(branch.question_ids, len(prefix_ids), number, 0)
        last_of_question = len(input_ids) - 1
        start = len(prefix_ids) + len(branch.question_ids)
        for ids in branch.answers:
            num_answers += 1
            first = len(input_ids)
            append(ids[:-1], start, number, num_answers)
            sources += [last_of_question, *range(first, first + len(ids) - 1)]
            targets += ids
            decisive += [False] * (len(ids) - 1) + [branch.is_opening]
    return PackedClip(input_ids, position_ids, question, answer, sources, targets, decisive)


def pad_clips(clips: Sequence[PackedClip], pad_token_id: int) -> PackedBatch:
    """Join packed clips into a batch."""
    length = max(len(clip.input_ids) for clip in clips)

    def pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
        return torch.tensor([[*row, *[value] * (length - len(row))] for row in rows])

    question = pad([clip.question for clip in clips], -1)
    answer = pad([clip.answer for clip in clips], -1)
    same_question = question[:, :, None] == question[:, None, :]
    same_answer = answer[:, :, None] == answer[:, None, :]
    in_prefix = (question == 0)[:, None, :]
    in_question = (answer == 0)[:, None, :]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    visible = causal & (in_prefix | (same_question & (in_question | same_answer)))
    sources = [row * length + place for row, clip in enumerate(clips) for place in clip.sources]
    targets = [token for clip in clips for token in clip.targets]
    return PackedBatch(
        input_ids=pad([clip.input_ids for clip in clips], pad_token_id),
        position_ids=pad([clip.position_ids for clip in clips], 0),
        visible=visible,
        sources=torch.tensor(sources),
        targets=torch.tensor(targets),
        decisive=torch.tensor([flag for clip in clips for flag in clip.decisive]),
    )
