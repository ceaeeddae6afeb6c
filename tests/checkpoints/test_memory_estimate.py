import pytest

from videollama.checkpoints.memory_estimate import estimate_memory
from videollama.errors import InputError, ModelNotFoundError


@pytest.fixture(scope="module")
def seven():
    return estimate_memory("7B")


def test_the_released_7b_has_the_weights_of_its_parts(seven):
    assert seven.parameters["decoder"] == 6_738_415_616  # LLaMA-2-7B
    assert seven.parameters["picture"] == 1_113_218_560
    assert seven.parameters["sound"] == 109_091_328


def test_the_released_13b_has_the_weights_of_its_parts():
    found = estimate_memory("DAMO-NLP-SG/Video-LLaMA-2-13B-Finetuned")
    assert found.parameters["decoder"] == 13_015_864_320  # LLaMA-2-13B
    assert found.parameters["picture"] == 1_114_006_016
    assert found.parameters["sound"] == 109_878_784


def test_a_7b_in_4_bit_fits_into_12_gb_with_all_its_parts(seven):
    sizes = seven.bytes["4-bit"]
    assert all(sizes[part] > 0 for part in ("picture", "sound", "decoder", "cache"))
    assert seven.total_bytes("4-bit") < 12e9
    totals = [seven.total_bytes(each) for each in ("float32", "bfloat16", "8-bit", "4-bit")]
    assert totals == sorted(totals, reverse=True)


def test_the_word_table_and_the_head_are_not_quantized(seven):
    words = 2 * 32_000 * 4096
    linear = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11_008)
    norms = 65 * 4096
    assert seven.parameters["decoder"] == words + linear + norms
    expected = 2 * (words + norms) + linear // 2 + 4 * linear // 64
    assert seven.bytes["4-bit"]["decoder"] == expected


def test_the_cache_grows_with_the_conversation(seven):
    assert seven.context_tokens == 2000
    assert seven.bytes["bfloat16"]["cache"] == 2000 * 2 * 32 * 4096 * 2
    shorter = estimate_memory("tiny", 100), estimate_memory("tiny", 200)
    caches = [each.bytes["float32"]["cache"] for each in shorter]
    assert caches[1] == 2 * caches[0] > 0


def test_a_folder_is_read_and_a_shared_word_table_counted_once(tiny_model, tmp_path):
    tiny_model.save_pretrained(tmp_path / "model")
    found = estimate_memory(str(tmp_path / "model"), 10)
    held = {id(each): each.numel() for each in tiny_model.parameters()}
    assert sum(found.parameters.values()) == sum(held.values())


@pytest.mark.parametrize("name", ["nope", "Video-LLaMA-Series", "someone/elses-model"])
def test_a_name_whose_size_is_not_known_is_refused_without_fetching(name):
    with pytest.raises(ModelNotFoundError, match=f"size of '{name}' is not known.* 7B, 13B"):
        estimate_memory(name)


def test_a_senseless_context_is_refused():
    with pytest.raises(InputError, match="context of 0 tokens is not possible"):
        estimate_memory("tiny", 0)
