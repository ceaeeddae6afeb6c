import pytest
from hypothesis import given
from hypothesis import strategies as st

from videollama.serve.stop_strings import StopStrings


@pytest.mark.parametrize(
    ("pieces", "stops", "shown"),
    [
        (["Hello ", "wor", "ld"], (), "Hello world"),
        (["Hello ", "wor", "ld"], ("world",), "Hello "),
        (["wo", "wo", "world"], ("world",), "wowo"),
        (["a", "b", "c"], ("bcd",), "abc"),
        (["a", "xyz", "b"], ("z", "y"), "ax"),
    ],
)
def test_the_text_ends_before_a_stop_string(pieces, stops, shown):
    filter_ = StopStrings(stops)
    assert "".join(map(filter_.add, pieces)) + filter_.rest() == shown


@given(st.lists(st.text("ab", max_size=3)), st.text("ab", min_size=1, max_size=3))
def test_it_does_not_matter_how_the_text_is_cut(pieces, stop):
    filter_ = StopStrings((stop,))
    shown = "".join(map(filter_.add, pieces)) + filter_.rest()
    assert shown == "".join(pieces).partition(stop)[0]
