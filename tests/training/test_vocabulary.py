import pytest
import torch

from videollama.errors import DataError
from videollama.training.vocabulary import build_vocabulary

CAPTIONS = [("A dog runs.", "The dog."), ("A dog and a cat.",), ("A cat sleeps.",)]


def test_telling_words_of_enough_samples_are_asked_for(tiny_tokenizer):
    embeddings = torch.randn(len(tiny_tokenizer), 8, generator=torch.Generator().manual_seed(0))
    vocabulary = build_vocabulary(CAPTIONS, embeddings, tiny_tokenizer, min_samples=2)
    assert vocabulary.words == ("dog", "cat")
    assert vocabulary.word_shares(CAPTIONS[0]).tolist() == [1.0, 0.0]
    torch.testing.assert_close(vocabulary.shares, torch.tensor([2 / 3, 2 / 3]))
    torch.testing.assert_close(vocabulary.directions.norm(dim=1), torch.ones(2))
    with pytest.raises(DataError, match="No word occurs in 9 of the 3 training samples"):
        build_vocabulary(CAPTIONS, embeddings, tiny_tokenizer, min_samples=9)
