"""Answers of the whole model: greedy, sampled, beams, streamed, in batches."""

import warnings

import pytest
import torch
from transformers.generation.streamers import BaseStreamer

from tests.model.small_models import (
    DECODER,
    build,
    frames_for,
    prompt_of,
    released,
    sounds_for,
    tiny,
)

NEW = 6


def question(model):
    return {
        "input_ids": prompt_of(model, 1, "audio", 5, "video", 7),
        "pixel_values": frames_for(model, clips=1, frames=2),
        "audio_values": sounds_for(clips=1, segments=2),
    }


def options(**others):
    return {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False, **others}


def greedy_without_cache(model, batch):
    """The most likely next token, again and again, reading everything anew each time."""
    embeds = model.embed_prompt(**batch)
    answer = []
    for _ in range(NEW):
        scores = model(inputs_embeds=embeds).logits[0, -1]
        scores[model.generation_config.eos_token_id] = -torch.inf  # as min_new_tokens does
        answer.append(int(scores.argmax()))
        word = model.get_input_embeddings()(torch.tensor([answer[-1:]]))
        embeds = torch.cat((embeds, word), dim=1)
    return answer


@torch.no_grad()
def test_greedy_takes_the_most_likely_token_each_time(model):
    batch = question(model)
    answer = model.generate(**batch, **options())
    assert answer.tolist() == [greedy_without_cache(model, batch)]


def test_writing_warns_of_nothing(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.generate(**question(model), **options())


def test_only_new_tokens_come_back(model):
    assert model.generate(**question(model), **options()).shape == (1, NEW)


def test_samples_are_the_same_with_the_same_seed(model):
    batch = question(model)
    samples = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        samples.append(model.generate(**batch, **options(do_sample=True)).tolist())
    assert samples[0] == samples[1] != samples[2]


def test_beams_find_an_answer_at_least_as_likely(model):
    batch = question(model)

    def score(**others):
        answer = model.generate(**batch, **options(**others))
        with torch.no_grad():
            words = model.get_input_embeddings()(answer)
            embeds = torch.cat((model.embed_prompt(**batch), words), dim=1)
            scores = model(inputs_embeds=embeds).logits[:, -NEW - 1 : -1].log_softmax(-1)
        return scores.gather(2, answer.unsqueeze(-1)).sum()

    assert score(num_beams=8) >= score() - 1e-4


def test_beams_keep_several_clips_in_order(model):
    """Every beam reads the clips of its own prompt, in their order."""
    frames = frames_for(model, clips=3, frames=2)
    two = prompt_of(model, 1, "video", "video")
    one = prompt_of(model, 1, 4, 5, 6, "video")
    alone = model.generate(two, pixel_values=frames[:2], **options(num_beams=3))
    together = model.generate(torch.cat((two, one)), pixel_values=frames, **options(num_beams=3))
    assert together[:1].tolist() == alone.tolist()


@pytest.mark.parametrize("num_beams", [1, 3])
def test_neighbours_in_a_batch_do_not_change_an_answer(model, num_beams):
    frames = frames_for(model, clips=2, frames=3)
    mask = torch.tensor([[True, False, False], [True, True, True]])
    short = prompt_of(model, 1, "video")
    long = prompt_of(model, 1, 5, 9, 4, "video", 7)
    pad = torch.zeros(1, long.shape[1] - short.shape[1], dtype=torch.long)
    together = model.generate(
        torch.cat((torch.cat((pad, short), dim=1), long)),
        attention_mask=torch.cat(
            (torch.cat((pad, torch.ones_like(short)), dim=1), torch.ones_like(long))
        ),
        pixel_values=frames,
        pixel_mask=mask,
        **options(num_beams=num_beams),
    )
    alone = [
        model.generate(short, pixel_values=frames[:1, :1], **options(num_beams=num_beams)),
        model.generate(long, pixel_values=frames[1:], **options(num_beams=num_beams)),
    ]
    assert together.tolist() == torch.cat(alone).tolist()


class Collector(BaseStreamer):
    """Keeps what a streamer is given."""

    def __init__(self):
        self.tokens = []
        self.ended = False

    def put(self, value):
        self.tokens += value.flatten().tolist()

    def end(self):
        self.ended = True


def test_streamed_tokens_are_the_answer(model):
    collector = Collector()
    answer = model.generate(**question(model), streamer=collector, **options())
    assert collector.tokens == answer[0].tolist()
    assert collector.ended


def test_the_released_family_counts_the_beginning_as_said():
    """As the original's search did; the default family does not."""
    for composition, begins_anew in ((released, False), (tiny, True)):
        likeliest = build(composition())
        batch = question(likeliest)
        first = likeliest.generate(**batch, **options())[0, 0].item()
        model = build(composition(text_config={**DECODER, "bos_token_id": first}))
        answer = model.generate(**batch, **options(repetition_penalty=1e6))
        assert (answer[0, 0].item() == first) is begins_anew


def test_repetition_penalty_looks_at_new_tokens_alone(model):
    """Words of the question may be said; words already said are not said again."""
    batch = question(model)
    free = model.generate(**batch, **options())[0].tolist()
    penalised = model.generate(**batch, **options(repetition_penalty=1e6))[0].tolist()
    assert len(set(penalised)) == NEW
    assert penalised[0] == free[0]
