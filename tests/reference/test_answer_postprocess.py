"""What the original showed of the generated ids, and when it stopped."""

import pytest
import torch

from videollama.prompts import EndsWith, LegacyLlamaTokenizer, clean_answer, stop_sequences
from videollama.prompts.answers import without_leading_marks
from videollama.prompts.truncation import original_left_cut

pytestmark = pytest.mark.reference

# The ids of "###" and "</s>" in LLaMA's own vocabulary, which the original has in its code.
LLAMA_STOPS = {"vicuna": [[835], [2277, 29937]], "llama_2": [[2]]}


@pytest.fixture(scope="module")
def recorded(fixture_json):
    return fixture_json("07_answer_postprocess.json")


@pytest.fixture(scope="module")
def tokenizer(fixture_path):
    return LegacyLlamaTokenizer.from_pretrained(fixture_path("tokenizer"))


def test_answers_read_as_the_original_showed_them(recorded, tokenizer):
    assert recorded["cases"]
    for case in recorded["cases"]:
        ids = case["generated_ids"]
        assert without_leading_marks(ids) == case["output_token"]
        assert tokenizer.decode(ids) == case["raw_decode"]
        assert clean_answer(ids, tokenizer, case["style"]) == case["answer_text"]


def test_generation_stops_where_the_original_stopped(fixture_json):
    for case in fixture_json("07_prompts.json")["StoppingCriteriaSub"]:
        ended = EndsWith(LLAMA_STOPS[case["stops"]])(torch.tensor(case["input_ids"]), None)
        assert ended[0].item() == case["stop"], case


def test_a_second_row_stops_by_itself():
    """The original looked at the first row only."""
    ended = EndsWith(LLAMA_STOPS["vicuna"])(torch.tensor([[7, 7], [3, 835]]), None)
    assert ended.tolist() == [False, True]


def test_stop_sequences_are_found_in_any_vocabulary(tokenizer, fixture_path):
    for name in ("tokenizer", "tokenizer_drift"):
        own = LegacyLlamaTokenizer.from_pretrained(fixture_path(name))
        stops = EndsWith(stop_sequences("vicuna", own))
        for text in ("###", "The dog runs.###", "a street ###"):
            ids = own(text).input_ids
            assert stops(torch.tensor([ids]), None).item(), (name, text)
        assert not stops(torch.tensor([own("# not yet ##").input_ids]), None).item()
    assert stop_sequences("llama_2", tokenizer) == [[tokenizer.eos_token_id]]


def test_the_left_cut_of_the_original(recorded):
    case = recorded["left_truncation"]
    room = case["max_length"] - case["max_new_tokens"]
    for length in (10, room, room + 1, 2500):
        cut = original_left_cut(
            length, max_new_tokens=case["max_new_tokens"], max_length=case["max_length"]
        )
        assert length - cut == min(length, case["embeds_passed_to_generate"])
