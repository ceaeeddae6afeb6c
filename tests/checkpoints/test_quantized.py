"""Decoders in 8 and 4 bits by bitsandbytes: which layers, how large, and that they answer."""

from copy import deepcopy

import pytest
import torch

from tests.synthetic import write_picture
from videollama import VideoLlama
from videollama.checkpoints.assemble import assemble
from videollama.checkpoints.memory_estimate import estimate_memory
from videollama.model.videollama import VideoLlamaForConditionalGeneration

pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def wide_model(tiny_config):
    """A decoder whose rows are whole blocks of 64 numbers."""
    config = deepcopy(tiny_config)
    config.text_config.hidden_size = config.text_config.head_dim = 64
    config.text_config.intermediate_size = 128
    return VideoLlamaForConditionalGeneration(config).eval()


def assembled(model, bits):
    return assemble(
        model.config,
        model.state_dict(),
        places={"": torch.device("cpu")},
        dtype=torch.bfloat16,
        origin="a test",
        bits=bits,
    )


@pytest.mark.parametrize(("bits", "kind"), [(8, "Linear8bitLt"), (4, "Linear4bit")])
def test_only_the_decoders_linear_layers_are_rounded(wide_model, bits, kind):
    model = assembled(wide_model, bits)
    rounded = {name for name, module in model.named_modules() if type(module).__name__ == kind}
    wanted = {
        name
        for name, module in model.named_modules()
        if name.startswith("language_model.model.layers") and isinstance(module, torch.nn.Linear)
    }
    assert rounded == wanted != set()
    others = {
        p.dtype for name, p in model.named_parameters() if name[: -len(".weight")] not in rounded
    }
    assert others == {torch.bfloat16}


def test_the_decoder_takes_what_the_estimate_says(wide_model, tmp_path):
    wide_model.save_pretrained(tmp_path / "model")
    expected = estimate_memory(str(tmp_path / "model"), 10).bytes["4-bit"]["decoder"]
    decoder = assembled(wide_model, 4).language_model
    held = sum(each.numel() * each.element_size() for each in decoder.parameters())
    for module in decoder.modules():
        if state := getattr(getattr(module, "weight", None), "quant_state", None):
            held += state.absmax.numel() * state.absmax.element_size()
    assert held == expected


@pytest.mark.parametrize("bits", [8, 4])
def test_it_answers(wide_model, tiny_processor, tmp_path, bits, recwarn, capfd):
    assistant = VideoLlama(assembled(wide_model, bits), tiny_processor)
    picture = write_picture(tmp_path / "a.png")
    assert assistant.ask(picture, "What is it?", max_new_tokens=8).text
    assert [result.error for result in assistant.caption(picture, max_new_tokens=4)] == [None]
    assert "MatMul8bitLt" not in capfd.readouterr().err


def test_8_bits_round_rows_and_tokens_and_leave_outliers_whole(wide_model):
    """LLM.int8 (arXiv 2208.07339), computed another way."""
    layer = assembled(wide_model, 8).language_model.model.layers[0].mlp.up_proj
    weight = wide_model.language_model.model.layers[0].mlp.up_proj.weight.detach().bfloat16()
    read = torch.randn(5, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    read[2, 7] = 40.0  # beyond the threshold of 6
    with torch.no_grad():
        found = layer(read).float()
    outlier = (read.abs() >= 6.0).any(dim=0)
    rest = read.float().masked_fill(outlier, 0.0)
    rows, tokens = (each.abs().amax(dim=1, keepdim=True) / 127 for each in (weight.float(), rest))
    rounded = (weight.float() / rows).round() * rows
    wanted = (rest / tokens).round() * tokens @ rounded.T + read.float() * outlier @ rounded.T
    assert (found - wanted).norm() < 0.01 * wanted.norm()  # the sums are bfloat16


@pytest.mark.parametrize(("bits", "tolerance"), [(8, 0.02), (4, 0.2)])
def test_what_is_computed_is_nearly_what_all_bits_give(wide_model, bits, tolerance):
    words = torch.arange(24).reshape(2, 12)
    with torch.no_grad():
        wanted = wide_model.language_model(input_ids=words).logits
        found = assembled(wide_model, bits).language_model(input_ids=words).logits.float()
    assert 0 < (found - wanted).norm() < tolerance * wanted.norm()
