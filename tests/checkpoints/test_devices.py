"""What "auto" becomes on different machines."""

import pytest
import torch

from videollama.checkpoints import devices
from videollama.checkpoints.devices import check_dtype, choose_bits, choose_device, choose_dtype
from videollama.errors import InputError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("cuda", "mps", "wanted"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest(monkeypatch, cuda, mps, wanted):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto").type == wanted


def test_a_second_card_has_to_be_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="'cuda:2'"):
        choose_device("cuda:2")


@pytest.mark.parametrize("word", ["tpu?", "meta", "cuda:x"])
def test_other_words_are_refused(word):
    with pytest.raises(InputError, match="device"):
        choose_device(word)


def test_only_released_models_on_cards_are_halved(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert choose_dtype("auto", CPU, family="released") == torch.float32
    assert choose_dtype("auto", CUDA, family="tiny") == torch.float32
    assert choose_dtype("auto", CUDA, family="released") == torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert choose_dtype("auto", CUDA, family="released") == torch.float16
    assert choose_dtype("bfloat16", CPU, family="tiny") == torch.bfloat16


def test_int8_is_of_the_decoder_on_the_processor_alone():
    assert choose_dtype("int8", CPU, family="released") == torch.float32
    with pytest.raises(InputError, match="int8 runs on the CPU only, not on cuda"):
        check_dtype("int8", CUDA)


def test_fewer_bits_are_of_the_decoder_and_leave_the_rest_halved(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(devices, "find_spec", lambda _: True)
    assert choose_dtype("4-bit", CPU, family="tiny") == torch.bfloat16
    assert choose_dtype("8-bit", CPU, family="tiny") == torch.bfloat16
    assert choose_dtype("8-bit", CUDA, family="tiny") == torch.bfloat16
    assert [choose_bits(word) for word in ("8-bit", "4-bit", "int8", "auto")] == [8, 4, None, None]
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert choose_dtype("4-bit", CUDA, family="released") == torch.float16


def test_fewer_bits_where_they_cannot_run_are_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(devices, "find_spec", lambda _: True)
    for dtype in ("8-bit", "4-bit"):
        check_dtype(dtype, CPU)
        with pytest.raises(InputError, match=f"{dtype} does not run on mps"):
            check_dtype(dtype, torch.device("mps"))
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'videollama\[quantize\]'"):
        check_dtype("4-bit", CPU)
