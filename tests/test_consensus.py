import math

import pytest

from videollama.consensus import by_consensus, caption_tokens, cider_d


def test_cider_d_by_hand():
    """Two pictures, one reference each: every n-gram of df 1 weighs log 2, shared ones 0.

    The candidate "red dog" against "red dog runs": unigrams 2 / (√2·√3), bigrams 1 / √2 (one
    of two), no longer ones; 1 bigram against 2: penalty exp(-1 / 72). Mean over 4 orders times 10.
    """
    scores = cider_d([["red", "dog"], ["cat"]], [[["red", "dog", "runs"]], [["a", "cat"]]])
    expected = 10 * math.exp(-1 / 72) * (2 / math.sqrt(6) + 1 / math.sqrt(2)) / 4
    assert scores[0] == pytest.approx(expected, abs=1e-12)


def test_repeating_a_right_word_does_not_raise_cider_d():
    references = [[["a", "dog", "runs"]], [["the", "cat", "sits"]]]
    once = cider_d([["a", "dog"], ["x"]], references)[0]
    often = cider_d([["a", "dog", "dog", "dog"], ["x"]], references)[0]
    assert often < once


def test_a_word_in_every_picture_is_worth_nothing():
    assert cider_d([["a"], ["a"]], [[["a"]], [["a"]]]) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A man 's dog isn't here.", "a man 's dog is n't here"),
        (
            "The dog\N{RIGHT SINGLE QUOTATION MARK}s T-shirt, at 5:30 -- no?",
            "the dog 's t-shirt at 5:30 no",
        ),
        ('"Stop!" (he said) ...', "stop he said"),
        ("", ""),
    ],
)
def test_caption_tokens(text, tokens):
    assert caption_tokens(text) == tokens.split()


def test_what_most_people_say_comes_first():
    dogs = ("A hat.", "Two dogs play in the snow.", "Two dogs run in the snow.", "Dogs play.")
    cats = ("A cat sleeps.", "A cat is sleeping.")
    ordered = by_consensus([dogs, cats, ("A boat.",)])
    assert set(ordered[0][:2]) == set(dogs[1:3])
    assert ordered[0][-1] == "A hat."
    assert set(ordered[1]) == set(cats)
    assert ordered[2] == ("A boat.",)
