import pytest

from videollama.checkpoints.cache import tiny_decoder_folder
from videollama.checkpoints.tokenizers import find_tokenizer
from videollama.errors import CheckpointError, ModelNotFoundError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "cache"))


def test_the_default_tokenizer_is_taken_where_it_is_and_never_fetched(tiny_tokenizer):
    assert find_tokenizer(None) is None
    with pytest.raises(CheckpointError, match="run: videollama pull"):
        find_tokenizer("tiny")
    tiny_tokenizer.save_pretrained(tiny_decoder_folder())
    assert len(find_tokenizer(None)("abc").input_ids) == 3


def test_a_folder_has_its_own_or_that_of_the_decoder_in_it(tmp_path, tiny_tokenizer, tiny_model):
    tiny_tokenizer.save_pretrained(tmp_path / "own")
    assert len(find_tokenizer(str(tmp_path / "own"))("abc").input_ids) == 3
    decoder = tmp_path / "model" / "llama-2-7b-chat-hf"
    tiny_model.language_model.config.save_pretrained(decoder)
    tiny_tokenizer.save_pretrained(decoder)
    assert len(find_tokenizer(str(tmp_path / "model"))("abc").input_ids) == 3


def test_a_folder_without_one_is_refused(tmp_path):
    with pytest.raises(ModelNotFoundError, match="is no folder; name that of a model"):
        find_tokenizer(str(tmp_path / "none"))
    with pytest.raises(CheckpointError, match="has no tokenizer, and 0 decoders below it"):
        find_tokenizer(str(tmp_path))
