from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videollama.media.segmentation import split


def bounds(spans):
    return [(span.start, span.end) for span in spans]


def test_a_file_without_a_cut_is_one_segment():
    [span] = split(5.0, [], [])
    assert (span.start, span.end, span.scene, span.sound) == (0.0, 5.0, 1, None)


def test_a_still_is_one_segment_without_a_length():
    assert bounds(split(0.0, [], [])) == [(0.0, 0.0)]


def test_cuts_begin_scenes_and_edges_of_sound_do_not():
    spans = split(12.0, [4.0], [(7.0, 9.5)])
    assert bounds(spans) == [(0.0, 4.0), (4.0, 7.0), (7.0, 9.5), (9.5, 12.0)]
    assert [span.scene for span in spans] == [1, 2, 2, 2]
    assert [span.sound for span in spans] == [None, None, (7.0, 9.5), None]


def test_a_cut_goes_before_an_edge_of_sound_nearby():
    assert bounds(split(10.0, [5.0], [(4.5, 10.0)])) == [(0.0, 5.0), (5.0, 10.0)]


def test_short_segments_are_joined_and_long_ones_divided():
    assert bounds(split(6.0, [0.5, 1.0, 3.0, 5.0], [])) == [(0.0, 3.0), (3.0, 6.0)]
    assert bounds(split(40.0, [], [])) == [
        pytest.approx(pair) for pair in ((0, 40 / 3), (40 / 3, 80 / 3), (80 / 3, 40))
    ]


def test_a_sound_is_heard_where_it_is_and_a_click_is_none():
    spans = split(8.0, [4.0], [(1.0, 1.1), (3.0, 5.0)])
    assert [span.sound for span in spans] == [(1.0, 4.0), (4.0, 5.0)]
    assert split(4.0, [], [(1.0, 1.1)])[0].sound is None


times = st.lists(st.floats(0, 100), max_size=12).map(sorted)


@given(st.floats(0, 100), times, times)
def test_segments_cover_the_file_and_keep_their_lengths(duration, cuts, edges):
    cuts = [cut for cut in cuts if cut < duration]
    active = [pair for pair in zip(edges[::2], edges[1::2], strict=False) if pair[1] <= duration]
    spans = split(duration, cuts, active)
    assert spans[0].start == 0
    assert spans[-1].end == duration
    assert all(before.end == after.start for before, after in pairwise(spans))
    assert all(span.end - span.start <= 16 + 1e-6 for span in spans)
    assert len(spans) == 1 or all(span.end - span.start >= 2 - 1e-6 for span in spans)
    assert all(0 <= after.scene - before.scene <= 1 for before, after in pairwise(spans))
    for span in spans:
        assert span.sound is None or span.start <= span.sound[0] < span.sound[1] <= span.end
