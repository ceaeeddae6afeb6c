import pytest

from videollama.applications.query_words import words_in_common


@pytest.mark.parametrize(
    ("query", "text", "common"),
    [
        ("a dog runs", "Two dogs are running.", ("dog", "runs")),
        ("the man on the bike", "A woman is on the street.", ()),
        ("Church bells", "I hear a church bell ringing.", ("church", "bells")),
        ("children", "A child", ()),
        ("ein Hund läuft", "ein Hund", ("ein", "hund")),
    ],
)
def test_words_count_in_any_form_and_little_ones_do_not(query, text, common):
    assert words_in_common(query, text) == common
