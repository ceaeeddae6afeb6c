"""A compiled decoder against transformers' own.

torch traces the step as ever but runs what it traced without making machine code, which takes
longer than all tests here; one test makes it.
"""

import shutil
from functools import partial

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache, LlamaConfig, MistralConfig

from videollama.errors import InputError
from videollama.model import compiled_decoder
from videollama.model.compiled_decoder import CompiledDecoder
from videollama.model.decoder_cache import CACHE_ARGUMENT, joined, selected

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def llama(**changes):
    torch.manual_seed(0)
    settings = {
        "vocab_size": 101,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.2,
    }
    return AutoModelForCausalLM.from_config(LlamaConfig(**settings | changes)).eval()


@pytest.fixture
def decoder(monkeypatch):
    """One that is traced, but not made machine code of."""
    torch.compiler.reset()  # nothing is there yet of other tests
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    return llama()


def read(decoder, length, rows=1, cache=None, padding=0):
    """Logits after a prompt, its cache and its mask."""
    ids = torch.arange(rows * length).view(rows, length) % 101
    mask = torch.ones(rows, length, dtype=torch.long)
    mask[0, :padding] = 0
    cache = DynamicCache() if cache is None else cache
    logits = step(decoder, ids, mask, cache)
    return logits, cache, mask


@torch.inference_mode()
def step(decoder, ids, mask, cache):
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    return decoder(
        inputs_embeds=decoder.get_input_embeddings()(ids),
        attention_mask=mask,
        position_ids=positions,
        use_cache=True,
        logits_to_keep=1,
        **{CACHE_ARGUMENT: cache},
    ).logits[:, -1]


def written(decoder, logits, cache, mask, number):
    """Logits of every step of a greedy answer."""
    found = []
    for _ in range(number):
        mask = torch.nn.functional.pad(mask, (0, 1), value=1)
        logits = step(decoder, logits.argmax(dim=-1, keepdim=True), mask, cache)
        found.append(logits)
    return torch.stack(found)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_answers_are_those_of_the_decoder(decoder, rows, monkeypatch):
    monkeypatch.setattr(compiled_decoder, "ROOM", 16)  # two buffers are outgrown
    compiled = CompiledDecoder(decoder)
    wanted = written(decoder, *read(decoder, 9, rows, padding=4), 40)
    found = written(compiled, *read(compiled, 9, rows, padding=4), 40)
    torch.testing.assert_close(found, wanted, **CLOSE)


def test_it_is_compiled_once_for_all_rows_and_lengths(decoder, monkeypatch):
    monkeypatch.setattr(compiled_decoder, "ROOM", 16)
    compiled = CompiledDecoder(decoder)
    with torch.compiler.set_stance("fail_on_recompile"):
        for rows in (1, 2, 5):
            written(compiled, *read(compiled, 9, rows), 20)
        with torch.no_grad():
            embeds = decoder.get_input_embeddings()(torch.arange(6)[None])
            cache = DynamicCache()
            compiled(embeds, **{CACHE_ARGUMENT: cache})
            compiled(embeds[:, :1], **{CACHE_ARGUMENT: cache})


def test_the_cache_shows_what_was_read_as_without(decoder):
    compiled = CompiledDecoder(decoder)
    caches = []
    for each in (decoder, compiled):
        logits, cache, mask = read(each, 9, 2)
        written(each, logits, cache, mask, 5)
        caches.append(cache)
    wanted, found = caches
    assert found.get_seq_length() == 14
    for layer, other in zip(found.layers, wanted.layers, strict=True):
        torch.testing.assert_close(layer.keys, other.keys, **CLOSE)
        torch.testing.assert_close(layer.values, other.values, **CLOSE)


def test_answers_in_turns_do_not_mix(decoder):
    compiled = CompiledDecoder(decoder)
    results = []
    for each in (decoder, compiled):
        one, other = read(each, 9), read(each, 7, 2)
        first = written(each, *one, 3)
        second = written(each, *other, 3)
        mask = torch.ones(1, 12, dtype=torch.long)
        results.append((second, written(each, first[-1], one[1], mask, 3)))
    torch.testing.assert_close(results[1], results[0], **CLOSE)


def test_rows_come_and_go_between_steps(decoder):
    compiled = CompiledDecoder(decoder)
    results = []
    for each in (decoder, compiled):
        logits, cache, mask = read(each, 9, 2)
        logits = written(each, logits, cache, mask, 4)[-1]
        cache = joined([selected(cache, [1], 0), read(each, 13)[1]])
        results.append(written(each, logits, cache, torch.ones(2, 13, dtype=torch.long), 4))
    torch.testing.assert_close(results[1], results[0], **CLOSE)


def test_a_cache_that_was_cut_back_is_read_as_it_is(decoder):
    compiled = CompiledDecoder(decoder)
    results = []
    for each in (decoder, compiled):
        logits, cache, mask = read(each, 9)
        written(each, logits, cache, mask, 4)
        cache.crop(-3)
        results.append(written(each, logits, cache, torch.ones(1, 10, dtype=torch.long), 4))
    torch.testing.assert_close(results[1], results[0], **CLOSE)


def test_a_step_needs_no_mask_and_no_places(decoder):
    compiled = CompiledDecoder(decoder)
    wanted, found = [], []
    for each, logits in ((decoder, wanted), (compiled, found)):
        _, cache, _ = read(each, 9)
        word = decoder.get_input_embeddings()(torch.tensor([[5]]))
        with torch.no_grad():
            logits.append(each(inputs_embeds=word, **{CACHE_ARGUMENT: cache}).logits)
    torch.testing.assert_close(found, wanted, **CLOSE)


def test_gradients_flow_through_the_decoder_itself(decoder):
    compiled = CompiledDecoder(decoder)
    words = torch.randn(1, 4, 32, requires_grad=True)
    compiled(inputs_embeds=words).logits.sum().backward()
    assert words.grad is not None


def test_a_decoder_with_windows_is_refused():
    config = MistralConfig(
        vocab_size=11,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=4,
    )
    with pytest.raises(InputError, match="mistral, which forgets what is far back"):
        CompiledDecoder(AutoModelForCausalLM.from_config(config))


def test_what_torch_cannot_compile_is_said_at_once(decoder, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no C++ compiler found\nand much more")

    monkeypatch.setattr(decoder, "forward", fail)
    with pytest.raises(InputError, match=r"compiled here \(no C\+\+ compiler found\); leave out"):
        CompiledDecoder(decoder)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_machine_code_gives_the_same_answers():
    decoder = llama(num_hidden_layers=1)
    compiled = CompiledDecoder(decoder)
    wanted = written(decoder, *read(decoder, 9, 3, padding=4), 12)
    found = written(compiled, *read(compiled, 9, 3, padding=4), 12)
    torch.testing.assert_close(found, wanted, **CLOSE)
