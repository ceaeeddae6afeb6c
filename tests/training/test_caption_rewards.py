"""Sampled captions: the better ones of a picture become likelier, and only they."""

import pytest
import torch

from videollama.training.broken_samples import BrokenSamples
from videollama.training.preparation import prepare

REFERENCES = ("A dog runs.", "The dog runs.")


@pytest.fixture(scope="module")
def setup(data_folder, make_recipe):
    recipe = make_recipe(
        "instruct", clips__reward_weight=1.0, clips__samples=3, clips__sampled_tokens=6
    )
    return prepare(recipe, data_folder, broken=BrokenSamples(0), report=lambda line: None)


@pytest.fixture
def rewards(setup):
    return setup.objective._rewards


def ids_of(setup, *captions):
    tokenizer = setup.objective._rewards._processor.tokenizer
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    return [[*tokenizer(caption).input_ids, end] for caption in captions]


def test_a_caption_is_worth_more_the_more_people_say_it(setup, rewards):
    sampled = ids_of(setup, "A dog runs.", "A boat.", "The dog.")
    packed, worth, mean = rewards.weigh(sampled, [REFERENCES])
    first, boat, second = worth.split([len(ids) for ids in sampled])
    assert first[0] > second[0] > boat[0]
    assert float(first[0] + second[0] + boat[0]) == pytest.approx(0, abs=1e-5)
    assert packed.targets.tolist() == [token for ids in sampled for token in ids]
    assert mean > 0


def test_a_caption_without_an_end_is_worth_nothing(setup, rewards):
    whole, cut = ids_of(setup, "A dog runs.", "A dog runs.")
    _, _, mean_of_two = rewards.weigh([whole, whole, whole], [REFERENCES])
    _, _, mean_of_one = rewards.weigh([whole, cut[:-1], cut[:-1]], [REFERENCES])
    assert mean_of_one == pytest.approx(mean_of_two / 3)


def test_stopping_in_mid_phrase_costs(setup, rewards):
    _, worth, _ = rewards.weigh(ids_of(setup, "A dog runs.", "A dog runs on.", "x"), [REFERENCES])
    assert worth[0] == worth.max()


def test_samples_end_where_the_answer_ends_or_at_the_limit(setup, rewards):
    model, end = (
        setup.objective.model,
        setup.objective._rewards._processor.tokenizer.convert_tokens_to_ids("<|im_end|>"),
    )
    video = torch.zeros(2, 3, model.config.text_config.hidden_size)
    sampled = rewards.sample(model, video)
    assert len(sampled) == 6
    assert all(ids[-1] == end or len(ids) == 6 for ids in sampled)
    assert all(end not in ids[:-1] for ids in sampled)


def test_only_single_pictures_are_described_and_the_queries_learn_by_it(setup):
    batches = [b for b in map(setup.training.__getitem__, range(4)) if b.get("references")]
    batch = batches[0]
    del batch["ids"]
    assert len(batch["pictures"]) == len(batch["references"])
    numbers = setup.objective(**batch)
    assert 0 <= float(numbers["reward"]) <= 100
    numbers["loss"].backward()
    assert setup.objective.model.video_query_tokens.grad.abs().sum() > 0
