import pytest
from hypothesis import given
from hypothesis import strategies as st

from videollama.applications.line_breaks import shortened, two_line_chunks


def test_a_short_text_is_one_line_and_a_longer_one_two_of_alike_length():
    assert two_line_chunks("A man is sitting on a couch.") == ["A man is sitting on a couch."]
    assert two_line_chunks("A man in a red shirt is sitting on a couch with a dog.") == [
        "A man in a red shirt is\nsitting on a couch with a dog."
    ]


def test_a_long_text_is_broken_and_none_gives_none():
    text = " ".join(["word"] * 40)
    assert " ".join(" ".join(two_line_chunks(text)).split()) == text
    assert len(two_line_chunks(text)) == 3
    assert two_line_chunks("") == []


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("A dog runs.", 11, "A dog runs."),
        ("A dog runs fast.", 11, "A dog runs…"),
        ("A dog, runs.", 10, "A dog…"),
        ("[dog barking loudly]", 15, "[dog barking…]"),
        ("Running.", 4, ""),
    ],
)
def test_what_is_left_out_leaves_a_mark(text, most, expected):
    assert shortened(text, most) == expected


@given(st.text(st.sampled_from("ab c."), max_size=300), st.integers(1, 119))
def test_lines_are_never_too_long(text, most):
    for chunk in [*two_line_chunks(text), shortened(text, most)]:
        lines = chunk.split("\n")
        assert len(lines) <= 2
        assert all(len(line) <= 42 for line in lines)
    assert len(shortened(text, most)) <= most
