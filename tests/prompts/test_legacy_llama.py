from videollama.prompts import LegacyLlamaTokenizer


def test_saved_and_loaded_it_is_the_same(llama_tokenizer, tmp_path):
    llama_tokenizer.save_pretrained(tmp_path)
    loaded = LegacyLlamaTokenizer.from_pretrained(tmp_path)
    text = "###Human: <Video> two  blanks </s> é 🙂"
    assert loaded(text).input_ids == llama_tokenizer(text).input_ids
    assert loaded.decode(loaded(text).input_ids) == llama_tokenizer.decode(loaded(text).input_ids)


def test_bytes_outside_the_vocabulary_survive(llama_tokenizer):
    ids = llama_tokenizer("é漢🙂", add_special_tokens=False).input_ids
    assert llama_tokenizer.decode(ids) == "é漢🙂"
    assert llama_tokenizer.decode(ids[-1]) == "�"  # the last byte alone is no character
