import math

import pytest
import torch
from torch.nn.functional import normalize

from videollama.errors import DataError
from videollama.training.broken_samples import BrokenSamples
from videollama.training.preparation import prepare
from videollama.training.vocabulary import build_vocabulary
from videollama.training.word_batches import NOT_ASKED, pad_captions

CAPTIONS = [("A dog runs.", "The dog."), ("A dog and a cat.",), ("A cat sleeps.",)]


def test_words_of_enough_samples_are_asked_for(tiny_tokenizer):
    embeddings = torch.randn(len(tiny_tokenizer), 8, generator=torch.Generator().manual_seed(0))
    vocabulary = build_vocabulary(CAPTIONS, [], embeddings, tiny_tokenizer, min_samples=2)
    assert set(vocabulary.words) == {"a", "dog", "cat"}
    shares = dict(zip(vocabulary.words, vocabulary.word_shares(CAPTIONS[0]).tolist(), strict=True))
    assert shares == {"a": 0.5, "dog": 1.0, "cat": 0.0}
    torch.testing.assert_close(vocabulary.directions.norm(dim=1), torch.ones(3))
    assert min(vocabulary.token_numbers.values()) == 1
    with pytest.raises(DataError, match="No word occurs in 9 of the 3 training samples"):
        build_vocabulary(CAPTIONS, [], embeddings, tiny_tokenizer, min_samples=9)


def test_captions_are_padded_between_begin_and_end():
    tokens, next_tokens = pad_captions([[5, 6], [7]])
    assert tokens.tolist() == [[0, 5, 6], [0, 7, 0]]
    assert next_tokens.tolist() == [[5, 6, 0], [7, 0, NOT_ASKED]]


@pytest.fixture
def setup(data_folder, make_recipe, lines):
    recipe = make_recipe("video_pretrain", training__batch_size=9)
    return prepare(recipe, data_folder, broken=BrokenSamples(0), report=lines)


def test_the_words_loss_is_the_log_sum_exp_of_cosines(setup):
    objective = setup.objective.eval()
    batch = setup.training[0]
    del batch["ids"]
    with torch.no_grad():
        queries = objective.model.encode_video(batch["features"], batch["mask"])
        numbers = objective(**batch)
    bias = objective.word_bias.detach()
    expected = 0.0
    for sample in range(9):
        for word in range(batch["word_shares"].shape[1]):
            cosines = (
                normalize(queries[sample] - objective.centre, dim=-1) @ objective.directions[word]
            )
            score = torch.logsumexp(10.0 * cosines, 0) - math.log(3) + bias[word]
            share = batch["word_shares"][sample, word]
            chance = torch.sigmoid(score)
            expected -= share * chance.log() + (1 - share) * (1 - chance).log()
    assert float(numbers["words"]) == pytest.approx(float(expected) / 9, rel=1e-3)


def test_names_are_learned(setup):
    objective = setup.objective.train()
    optimizer = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad], lr=0.01)
    batch = setup.training[0]
    del batch["ids"]
    first = float(objective(**batch)["loss"])
    for _ in range(60):
        objective(**batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(objective(**batch)["loss"]) < 0.8 * first
