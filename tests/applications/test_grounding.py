import pytest

from videollama.applications.grounding import ungrounded_words

FACTS = ["A black dog is running through the snow.", "dog barking"]


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ("A dog runs through snow and barks.", ()),
        ("The video shows a running dog; a barking sound is heard.", ()),
        ("It's snowing.", ()),
        ("A happy dog runs in the park.", ("happy", "park")),
        ("Emily's dog barks at Emily.", ("emily",)),
        ("", ()),
    ],
)
def test_every_word_needs_a_fact_in_some_form(text, invented):
    assert ungrounded_words(text, FACTS) == invented


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ("一只狗在雪地里跑。", ()),
        ("视频中有一只黑狗。", ("黑",)),
        ("一只 happy 的狗", ("happy",)),
    ],
)
def test_chinese_is_looked_up_character_by_character(text, invented):
    assert ungrounded_words(text, ["一只狗在雪地里奔跑。"]) == invented
