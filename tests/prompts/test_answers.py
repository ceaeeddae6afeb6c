import torch

from videollama.prompts import EndsWith, clean_answer, encode_plain_text, stop_sequences


def test_chatml_ends_at_its_end_mark(tiny_tokenizer):
    end = tiny_tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert [end] in stop_sequences("chatml", tiny_tokenizer)
    ids = [*encode_plain_text(" A dog.", tiny_tokenizer), end, 7, 7]
    assert clean_answer(ids, tiny_tokenizer, "chatml") == "A dog."


def test_a_padded_row_reads_like_a_single_one(llama_tokenizer):
    ids = llama_tokenizer("A dog.", add_special_tokens=False).input_ids
    padded = [*ids, llama_tokenizer.eos_token_id, llama_tokenizer.eos_token_id]
    assert clean_answer(padded, llama_tokenizer, "vicuna") == "A dog."


def test_a_model_that_goes_on_with_the_next_question_is_cut(llama_tokenizer):
    for template, tail in (("billa_native", "\nHuman: And?"), ("ziya_native", "<human>:And?")):
        ids = llama_tokenizer(f"A dog.{tail}", add_special_tokens=False).input_ids
        assert clean_answer(ids, llama_tokenizer, template) == "A dog."


def test_rows_stop_one_by_one():
    ends = EndsWith([[5], [7, 8]])
    assert ends(torch.tensor([[1, 5], [7, 8], [8, 7]]), None).tolist() == [True, True, False]
    assert ends(torch.tensor([[8]]), None).tolist() == [False]  # shorter than a sequence
