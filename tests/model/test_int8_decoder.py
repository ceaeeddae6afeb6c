"""The decoder in 8 bits against transformers' with weights that 8 bits hold exactly."""

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache, GPT2Config, LlamaConfig

from videollama.errors import InputError
from videollama.model import int8_decoder
from videollama.model.decoder_cache import CACHE_ARGUMENT, joined
from videollama.model.decoder_graph import BLOCK, quantized
from videollama.model.int8_decoder import Int8Decoder

EXACT = {"atol": 1e-4, "rtol": 1e-4}
# What is multiplied with the weights is rounded too, to 127 steps of the largest of 32 values.
ROUNDED = {"atol": 0.02, "rtol": 0.02}


def llama(**changes):
    torch.manual_seed(0)
    settings = {
        "vocab_size": 101,
        "hidden_size": 96,
        "intermediate_size": 160,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    }
    decoder = AutoModelForCausalLM.from_config(LlamaConfig(**settings | changes)).eval()
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            if parameter.ndim > 1:
                parameter.copy_(dequantized(parameter))
            elif "norm" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return decoder


def dequantized(matrix):
    levels, scales = map(torch.from_numpy, quantized(matrix))
    values = (levels.float() - 128) * scales[..., None]
    return values.flatten(1)[:, : matrix.shape[1]]


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def both():
    decoder = llama()
    return decoder, Int8Decoder(decoder)


@pytest.fixture(params=[0.0, 100.0], ids=["rounded", "exact"])
def tolerance(request, monkeypatch):
    """Words decided by the rounded matrices alone, or all as close calls."""
    monkeypatch.setattr(int8_decoder, "CLOSE_CALL", request.param)
    return EXACT if request.param else ROUNDED


@pytest.mark.parametrize("columns", [BLOCK, 3 * BLOCK, 50])
def test_rounding_is_at_most_half_a_step(columns):
    matrix = torch.randn(7, columns)
    matrix[3] = 0
    error = (dequantized(matrix) - matrix).abs()
    blocks = torch.nn.functional.pad(matrix, (0, -columns % BLOCK)).view(7, -1, BLOCK)
    assert error.max() <= blocks.abs().max() / 127 / 2 * 1.001
    assert not dequantized(matrix)[3].any()


def test_prompts_are_read_as_by_the_decoder(both):
    decoder, int8 = both
    embeds = decoder.get_input_embeddings()(torch.randint(0, 101, (1, 20)))
    wanted = decoder(inputs_embeds=embeds).logits
    torch.testing.assert_close(int8(embeds).logits, wanted, **EXACT)
    torch.testing.assert_close(int8(embeds, logits_to_keep=3).logits, wanted[:, -3:], **EXACT)


def test_words_are_written_as_by_the_decoder(both, tolerance):
    decoder, int8 = both
    embeds = decoder.get_input_embeddings()(torch.randint(0, 101, (1, 20)))
    wanted = decoder(inputs_embeds=embeds).logits
    cache = DynamicCache()
    pieces = [int8(piece, **{CACHE_ARGUMENT: cache}).logits for piece in embeds.split(1, dim=1)]
    written = torch.cat(pieces, dim=1)
    torch.testing.assert_close(written, wanted, **tolerance)
    assert torch.allclose(written, wanted, **EXACT) is (tolerance is EXACT)


def test_only_close_calls_are_decided_in_full_precision(both, monkeypatch):
    decoder, int8 = both
    word = decoder.get_input_embeddings()(torch.tensor([[5]]))
    wanted = decoder(inputs_embeds=word).logits
    first, second = wanted[0, 0].topk(2).values
    monkeypatch.setattr(int8_decoder, "CLOSE_CALL", 2 * float(first - second))
    torch.testing.assert_close(int8(word).logits, wanted, **EXACT)
    monkeypatch.setattr(int8_decoder, "CLOSE_CALL", 0.5 * float(first - second))
    assert not torch.allclose(int8(word).logits, wanted, **EXACT)


@pytest.mark.parametrize(
    "changes",
    [
        {"tie_word_embeddings": False, "num_key_value_heads": 6},
        {"head_dim": 32, "rope_theta": 1e5, "max_position_embeddings": 64},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
    ],
)
def test_other_sizes(changes, tolerance):
    decoder = llama(**changes)
    embeds = decoder.get_input_embeddings()(torch.randint(0, 101, (2, 9)))
    wanted = decoder(inputs_embeds=embeds).logits
    int8, cache = Int8Decoder(decoder), DynamicCache()
    torch.testing.assert_close(int8(embeds).logits, wanted, **EXACT)
    pieces = [int8(piece, **{CACHE_ARGUMENT: cache}).logits for piece in embeds.split(1, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), wanted, **tolerance)


def test_a_cache_is_filled_and_used_and_may_be_of_either(both, tolerance):
    decoder, int8 = both
    embeds = decoder.get_input_embeddings()(torch.randint(0, 101, (1, 12)))
    wanted = decoder(inputs_embeds=embeds).logits
    for first, second in ((int8, int8), (decoder, int8), (int8, decoder)):
        cache = DynamicCache()
        parts = [
            part_of(inputs_embeds=piece, **{CACHE_ARGUMENT: cache}).logits
            for part_of, piece in zip(
                (first, second, second), embeds.split([7, 4, 1], dim=1), strict=True
            )
        ]
        assert cache.get_seq_length() == 12
        torch.testing.assert_close(torch.cat(parts, dim=1), wanted, **tolerance)


def test_of_several_rows_only_those_in_doubt_are_looked_at_again(both, monkeypatch):
    decoder, int8 = both
    words = decoder.get_input_embeddings()(torch.arange(12)[:, None])
    wanted = decoder(inputs_embeds=words).logits
    margins = wanted[:, 0].topk(2).values.diff().abs().flatten()
    monkeypatch.setattr(int8_decoder, "CLOSE_CALL", float(margins.median()))
    cache = DynamicCache()
    is_exact = (int8(words, **{CACHE_ARGUMENT: cache}).logits - wanted).abs().amax((1, 2)) < 1e-4
    assert is_exact.tolist() == (margins <= margins.median()).tolist()
    alone = [DynamicCache() for _ in words]
    for row, own in enumerate(alone):
        int8(words[row : row + 1], **{CACHE_ARGUMENT: own})
    for layer, both_layers in zip(cache.layers, joined(alone).layers, strict=True):
        torch.testing.assert_close(layer.keys, both_layers.keys, **EXACT)


def test_padding_and_neighbours_change_nothing(both, tolerance):
    decoder, int8 = both
    words = decoder.get_input_embeddings()
    short, long = (words(torch.randint(0, 101, (1, length))) for length in (5, 9))
    padded = torch.cat([torch.cat([torch.randn(1, 4, 96), short], dim=1), long])
    mask = torch.tensor([[0] * 4 + [1] * 5, [1] * 9])
    places = (mask.cumsum(dim=1) - 1).clamp(min=0)
    cache = DynamicCache()
    together = int8(padded, mask, places, logits_to_keep=1, **{CACHE_ARGUMENT: cache}).logits
    following = words(torch.tensor([[3], [4]]))
    mask = torch.cat([mask, torch.ones(2, 1, dtype=torch.long)], dim=1)
    places = places[:, -1:] + 1
    then = int8(following, mask, places, **{CACHE_ARGUMENT: cache}).logits
    for row, alone in enumerate((short, long)):
        own = DynamicCache()
        first = int8(alone, logits_to_keep=1, **{CACHE_ARGUMENT: own}).logits
        second = int8(following[row : row + 1], **{CACHE_ARGUMENT: own}).logits
        torch.testing.assert_close(together[row], first[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(then[row], second[0], atol=1e-4, rtol=1e-4)


def test_rows_that_come_later_join(both, tolerance):
    decoder, int8 = both
    words = decoder.get_input_embeddings()
    caches = [DynamicCache(), DynamicCache()]
    for cache, length in zip(caches, (6, 3), strict=True):
        int8(words(torch.arange(length)[None]), **{CACHE_ARGUMENT: cache})
    mask = torch.tensor([[1] * 7, [0] * 3 + [1] * 4])
    places = torch.tensor([[6], [3]])
    following = words(torch.tensor([[1], [2]]))
    together = int8(following, mask, places, **{CACHE_ARGUMENT: joined(caches)}).logits
    alone = [
        int8(following[row : row + 1], **{CACHE_ARGUMENT: cache}).logits
        for row, cache in enumerate(caches)
    ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=1e-4)


def test_other_decoders_are_refused():
    decoder = AutoModelForCausalLM.from_config(
        GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=9)
    )
    with pytest.raises(InputError, match="kind gpt2 cannot run in int8, only LLaMA"):
        Int8Decoder(decoder)
