import math

import pytest
import torch

from videollama.inference.likelihood import ShownMedium, answer_log_likelihoods, yes_likelihoods
from videollama.prompts import Medium, encode_plain_text


@pytest.fixture
def shown(assistant):
    """A silent video, a video with sound, and no clip at all."""
    config = assistant.model.config
    width = config.text_config.hidden_size
    tokens = torch.Generator().manual_seed(0)
    video = torch.randn(2, config.num_video_query_tokens, width, generator=tokens)
    audio = torch.randn(config.num_audio_query_tokens, width, generator=tokens)
    return [
        ShownMedium(Medium("video"), video[0]),
        ShownMedium(Medium("video", audio_status="present"), video[1], audio),
        None,
    ]


def test_clips_of_a_batch_do_not_change_each_other(assistant, shown):
    together = answer_log_likelihoods(assistant, shown, "What?", "A dog.")
    alone = [answer_log_likelihoods(assistant, [each], "What?", "A dog.")[0] for each in shown]
    assert together == pytest.approx(alone, abs=1e-4)
    assert len(set(together)) == 3
    one_by_one = answer_log_likelihoods(assistant, shown, "What?", "A dog.", rows_per_pass=1)
    assert one_by_one == pytest.approx(together, abs=1e-4)


def test_it_is_the_mean_over_the_tokens_of_the_answer(assistant, shown):
    processor, model = assistant.processor, assistant.model
    prompt = processor([{"role": "user", "content": "What?"}])
    answer = encode_plain_text("ab", processor.tokenizer)
    ids = torch.cat([prompt["input_ids"], torch.tensor([answer])], dim=1)
    with torch.no_grad():
        chances = model(input_ids=ids).logits[0].log_softmax(-1)
    places = range(ids.shape[1] - len(answer) - 1, ids.shape[1] - 1)
    expected = sum(chances[place, ids[0, place + 1]] for place in places) / len(answer)
    [found] = answer_log_likelihoods(assistant, [None], "What?", "ab")
    assert found == pytest.approx(float(expected), abs=1e-4)


def test_yes_is_compared_with_no(assistant, shown):
    clips, questions = shown[:2], ["Is it?", "Is it there?"]
    found = yes_likelihoods(assistant, clips, questions)
    one_by_one = yes_likelihoods(assistant, clips, questions, rows_per_pass=1)
    assert one_by_one == pytest.approx(found, abs=1e-4)
    yes, no = (answer_log_likelihoods(assistant, clips[:1], "Is it?", word)[0] for word in "YN")
    assert found[0] == pytest.approx(1 / (1 + math.exp(no - yes)), abs=1e-4)
