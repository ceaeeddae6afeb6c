"""A decoder in a GGUF file and the same as a transformers folder."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.checkpoints.small_wheels import small_decoder, write_gguf
from videollama.checkpoints.gguf_decoder import save_gguf_decoder
from videollama.errors import CheckpointError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoder")
    write_gguf(folder / "small.gguf", small_decoder())
    (folder / "out").mkdir()
    save_gguf_decoder(folder / "small.gguf", folder / "out")
    return folder / "out"


def test_it_predicts_the_same(folder):
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([[1, 50, 60, 70, 80]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, small_decoder()(ids).logits, atol=1e-5)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.config.rms_norm_eps == 1e-5


def test_its_tokenizer_keeps_controls_whole_and_splits_digits(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer("<|im_start|>h<|im_end|>").input_ids[::2] == [1, 2]
    assert len(tokenizer("2026").input_ids) == 4
    assert len(tokenizer(" he").input_ids) == 2  # merges are used
    assert tokenizer.decode(tokenizer("a  1 é\n").input_ids) == "a  1 é\n"
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|im_end|>")
    assert (
        tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False) == "hi"
    )


def test_another_architecture_is_refused(tmp_path):
    write_gguf(tmp_path / "x.gguf", small_decoder(), architecture="gemma")
    with pytest.raises(CheckpointError, match="'gemma'"):
        save_gguf_decoder(tmp_path / "x.gguf", tmp_path)


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"not a model at all, just text")
    with pytest.raises(CheckpointError, match="not a readable GGUF file"):
        save_gguf_decoder(tmp_path / "x.gguf", tmp_path)
