"""The constants COCO_… are the output of pycocoevalcap 1.2 with its PTB tokeniser."""

import math

import pytest

from videollama.evaluation.metrics import (
    balanced_accuracy,
    caption_scores,
    corpus_bleu,
    exact_match,
    soft_match,
)

REFERENCES = [
    [
        "A brown dog runs over the grass .",
        "The dog's ball is in the grass .",
        "A dog chases a red ball on a green lawn .",
    ],
    [
        "Two men play guitar on a stage .",
        "A band isn't playing yet .",
        "Two musicians with guitars , on stage .",
    ],
    [
        "A girl in a t-shirt jumps into the pool .",
        "The girl is jumping into the water .",
        "A child leaps into a swimming pool !",
    ],
    [
        "A red car drives down the street .",
        "The car goes down a wet street at night .",
        "A car in the rain .",
    ],
]
CANDIDATES = [
    "a dog runs over the green grass",
    "two men on a stage",
    "the girl in a t-shirt is jumping into the the pool",
    "a black horse",
]
COCO_CIDER_D = (2.385291013111358, 1.700819157003861, 2.7268121673286956, 0.0)
COCO_BLEU = (0.8512377087943247, 0.7473222267735328, 0.5934433028774119, 0.45562423985063716)


def test_scores_are_those_of_coco_caption():
    scores = caption_scores(CANDIDATES, REFERENCES)
    assert scores.cider_d_per_caption == pytest.approx([100 * s for s in COCO_CIDER_D], abs=1e-9)
    assert scores.cider_d == pytest.approx(100 * sum(COCO_CIDER_D) / 4, abs=1e-9)
    assert scores.bleu == pytest.approx([100 * score for score in COCO_BLEU], abs=1e-9)


def test_bleu_by_hand():
    """4 of 5 words and 2 of 4 bigrams; the closest reference is as long, so no brevity penalty."""
    bleu = corpus_bleu(
        [["the", "cat", "sat", "on", "mat"]], [[["the", "cat", "is", "on", "mat"], ["a"]]]
    )
    assert bleu[0] == pytest.approx(4 / 5)
    assert bleu[1] == pytest.approx(math.sqrt(4 / 5 * 2 / 4))


def test_bleu_punishes_short_captions():
    bleu = corpus_bleu([["a", "dog"]], [[["a", "dog", "runs", "home"]]])
    assert bleu[0] == pytest.approx(math.exp(1 - 4 / 2))


def test_no_captions_give_zero_and_missing_references_are_refused():
    assert caption_scores([], []).cider_d == 0.0
    with pytest.raises(ValueError, match="needs its references"):
        caption_scores(["a dog"], [[]])
    with pytest.raises(ValueError, match="needs its references"):
        caption_scores(["a dog", "a cat"], [["a dog"]])


def test_balanced_accuracy_weighs_both_classes_alike():
    truths = ["yes"] * 8 + ["no"] * 2
    assert balanced_accuracy(truths, ["yes"] * 10) == 0.5
    assert balanced_accuracy(truths, ["yes"] * 8 + ["no", "unclear"]) == 0.75
    assert balanced_accuracy([], []) == 0.0


def test_matches():
    assert exact_match("The dog.", "a dog")
    assert not exact_match("a brown dog", "dog")
    assert soft_match("It is a brown dog.", "a brown dog")
    assert not soft_match("hot dogs", "dog")
    assert not soft_match("anything", "")


def test_matches_are_made_on_words_as_vqa_compares_them():
    assert exact_match("Two dogs on the grass!", "2 dogs on grass")
    assert exact_match("it's a T-shirt", "its t shirt")
    assert exact_match("1,500", "1500")
    assert soft_match("There are none.", "zero")
    assert not exact_match("1.5", "15")
