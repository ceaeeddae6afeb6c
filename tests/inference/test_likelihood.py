import pytest
import torch

from videollama.errors import InputError
from videollama.inference.likelihood import answer_likelihoods
from videollama.inference.messages import answer_message, question_message
from videollama.media.decode import read_clip

QUESTION = "What happens?"


@pytest.fixture(scope="module")
def clips(clip_file, mute_file):
    return [read_clip(clip_file), read_clip(mute_file)]


def likelihoods(assistant, clips, answer="A dog."):
    return answer_likelihoods(assistant.encoder, clips, QUESTION, answer)


def test_it_is_the_mean_of_the_logarithms_of_the_words_chances(assistant, clips):
    turns = [question_message(QUESTION, clips[:1]), answer_message("A dog.")]
    inputs = assistant.processor(turns, clips=clips[:1], add_generation_prompt=False)
    with torch.no_grad():
        chances = assistant.model(**inputs).logits[0].log_softmax(dim=-1)
    ids = inputs["input_ids"][0]
    end = len(ids) - 2  # <|im_end|> and a line feed; one token per letter before
    begin = end - len("A dog.")
    expected = chances[begin - 1 : end - 1].gather(1, ids[begin:end, None]).mean()
    assert likelihoods(assistant, clips[:1]) == pytest.approx([expected.item()], abs=1e-4)


def test_clips_of_a_batch_do_not_change_each_other(assistant, clips):
    together = likelihoods(assistant, clips)
    alone = [value for clip in clips for value in likelihoods(assistant, [clip])]
    assert together == pytest.approx(alone, abs=1e-4)
    assert together[0] != pytest.approx(together[1], abs=1e-6)
    assert likelihoods(assistant, []) == []


def test_an_answer_of_one_token_counts(assistant, clips):
    assert likelihoods(assistant, clips, "A")[0] < 0


def test_question_and_answer_must_say_something(assistant, clips):
    with pytest.raises(InputError, match="answer is empty"):
        likelihoods(assistant, clips, " ")
    with pytest.raises(InputError, match="question is empty"):
        answer_likelihoods(assistant.encoder, clips, " ", "A dog.")
