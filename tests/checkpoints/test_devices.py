"""What "auto" becomes on different machines."""

import pytest
import torch

from videollama.checkpoints.devices import check_dtype, choose_device, choose_dtype
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
