"""Positions in time, and queries that read only what counts."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videollama.errors import InputError
from videollama.model.qformer import TimePositionEmbedding, mask_or_all


def table(rows):
    positions = TimePositionEmbedding(rows, 3)
    with torch.no_grad():
        positions.weight.copy_(torch.arange(rows).float().unsqueeze(1).expand(rows, 3))
    return positions


def rows_read(rows, mask):
    """Which row (with fraction) each place reads: row r of the table holds the number r."""
    return table(rows)(torch.tensor(mask, dtype=torch.bool))[..., 0]


def test_short_clips_read_row_after_row():
    assert rows_read(5, [[1, 1, 1]]).tolist() == [[0, 1, 2]]
    assert rows_read(3, [[1, 1, 1]]).tolist() == [[0, 1, 2]]
    assert rows_read(1, [[1]]).tolist() == [[0]]


def test_long_clips_lie_evenly_over_the_whole_table():
    assert rows_read(3, [[1, 1, 1, 1, 1]]).tolist() == [[0, 0.5, 1, 1.5, 2]]
    assert rows_read(1, [[1, 1, 1]]).tolist() == [[0, 0, 0]]


@given(st.integers(1, 40), st.integers(1, 90), st.integers(0, 20), st.integers(0, 20))
@settings(deadline=None)
def test_padding_and_neighbours_do_not_move_a_clip(rows, frames, before, after):
    alone = rows_read(rows, [[1] * frames])[0]
    padded = [0] * before + [1] * frames + [0] * after
    neighbour = [1] * len(padded)
    beside = rows_read(rows, [neighbour, padded])[1, before : before + frames]
    assert torch.equal(alone, beside)
    assert alone[0] == 0
    assert torch.all(alone.diff() > 0) or rows == 1
    assert alone[-1] <= rows - 1


def test_a_clip_of_padding_alone_is_refused():
    with pytest.raises(InputError, match="Clip 1 of the batch"):
        mask_or_all(torch.tensor([[1, 0], [0, 0]]), torch.zeros(2, 2, 4))
