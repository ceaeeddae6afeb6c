"""Rows that are written together are the answers that `generate` gives to each alone."""

import pytest
import torch
from transformers import BatchFeature

from tests.model.small_models import COMPOSITIONS, build, frames_for, prompt_of, sounds_for
from videollama.inference.decoding import DecodingBatch, begin_row
from videollama.inference.generation import encode_media, write
from videollama.inference.options import WordChoice

RULES = {
    "freely": {},
    "without repetitions": {"repetition_penalty": 5.0},
    "without repeated pairs": {"no_repeat_ngram_size": 2},
    "until a stop token": {"eos_token_id": list(range(0, 60, 7))},
}


@pytest.fixture(params=COMPOSITIONS)
def model(request):
    built = build(COMPOSITIONS[request.param]())
    built.generation_config.eos_token_id = None
    return built


def question(model, number):
    """Four questions: of sound and pictures, pictures, two clips, words alone."""
    pieces = [(1, "audio", 5, "video", 7), (9, "video"), ("video", 3, 4, 8, "video"), (1, 2)][
        number
    ]
    inputs = {"input_ids": prompt_of(model, *pieces)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if clips := pieces.count("video"):
        inputs["pixel_values"] = frames_for(model, clips=clips, frames=number + 1)
        inputs["pixel_mask"] = torch.ones(clips, number + 1, dtype=torch.bool)
    if "audio" in pieces:
        inputs["audio_values"] = sounds_for(clips=1, segments=2)
        inputs["audio_mask"] = torch.ones(1, 2, dtype=torch.bool)
    inputs = BatchFeature(inputs)
    return inputs, encode_media(model, inputs)


def write_together(model, words, rules):
    """A row joins after every second step, and leaves when it has ended."""
    rows = [begin_row(model, *question(model, n), each, **rules) for n, each in enumerate(words)]
    batch, later = DecodingBatch(model), list(rows[2:])
    batch.add(rows[:2])
    while batch.rows:
        batch.keep([row for row in batch.rows if row.ended is None])
        for _ in range(2):
            if batch.rows and not any(row.ended for row in batch.rows):
                batch.step()
        if later:
            batch.keep([row for row in batch.rows if row.ended is None])
            batch.add([later.pop()])
    return rows


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sampled", [False, True], ids=["likeliest", "drawn"])
def test_rows_of_different_lengths_join_and_leave(model, rule, sampled):
    words = [
        WordChoice(max_new_tokens=limit, do_sample=sampled, seed=limit) for limit in (4, 13, 9, 6)
    ]
    rows = write_together(model, words, RULES[rule])
    for number, (row, each) in enumerate(zip(rows, words, strict=True)):
        alone = write(model, *question(model, number), each, **RULES[rule])
        assert row.ids.tolist() == alone.tolist()
        stops = RULES[rule].get("eos_token_id", ())
        assert row.ended == ("stop" if int(row.ids[0, -1]) in stops else "length")


def test_padding_is_given_up_with_the_row_that_needed_it(model):
    words = WordChoice(max_new_tokens=9)
    long, short = (begin_row(model, *question(model, number), words) for number in (0, 3))
    batch = DecodingBatch(model)
    batch.add([long, short])
    batch.step()
    batch.keep([short])
    assert batch._cache.get_seq_length() == 2 + 1
    batch.keep([])
    batch.add([begin_row(model, *question(model, 1), words)])
    assert len(batch.rows) == 1


def test_an_error_ends_its_own_row(model):
    words = WordChoice(max_new_tokens=9)
    broken, fine = (begin_row(model, *question(model, number), words) for number in (0, 3))
    broken.logits_processor.append(lambda ids, scores: 1 / 0)
    batch = DecodingBatch(model)
    batch.add([broken, fine])
    assert isinstance(broken.ended, ZeroDivisionError)
    assert fine.ids.shape[1] == 1
