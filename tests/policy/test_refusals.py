import pytest

from videollama.policy.refusals import language_of, refusal
from videollama.policy.rule_guard import _HARMFUL


@pytest.mark.parametrize(
    ("text", "language"),
    [("Who?", "en"), ("这是谁", "zh"), ("Who is 李?", "zh"), ("誰ですか", "en"), ("", "en")],
)
def test_the_language_is_told_by_the_script(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize("reason", [*_HARMFUL, "identity", "S1,S10"])
def test_every_reason_has_a_sentence_in_every_language(reason):
    assert refusal(reason, "How?").startswith("I do not")
    assert refusal(reason, "怎么").startswith("我不会")


def test_whoever_may_harm_themselves_is_told_where_help_is():
    assert "emergency number" in refusal("self_harm", "How?")
