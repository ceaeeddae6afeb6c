"""Models that are too large for one card. No card is needed: what each holds is told."""

from copy import deepcopy

import pytest
import torch

from tests.synthetic import write_clip
from videollama.checkpoints.placement import places_of_parts
from videollama.errors import InputError
from videollama.inference.engine import VideoLlama
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.scheduling import Request, Scheduler
from videollama.media.decode import read_clip
from videollama.model.videollama import VideoLlamaForConditionalGeneration

CARD = torch.device("cuda")
LAYERS = 6


@pytest.fixture(scope="module")
def config(tiny_config):
    """A decoder of six layers."""
    config = deepcopy(tiny_config)
    config.text_config.num_hidden_layers = LAYERS
    return config


@pytest.fixture(scope="module")
def sizes(config):
    """Bytes in float32 of everything before the decoder's layers, of a layer, and of all."""
    model = VideoLlamaForConditionalGeneration(config)
    size = {name: 4 * tensor.numel() for name, tensor in model.state_dict().items()}
    layer = sum(
        value for name, value in size.items() if ".layers.0." in name and "language" in name
    )
    return sum(size.values()) - LAYERS * layer, layer, sum(size.values())


def places(config, **free):
    names = {f"card{number}": number for number in range(4)} | {"cpu": "cpu"}
    found = {names[name]: int(size) for name, size in free.items()}
    return places_of_parts(config, CARD, torch.float32, free_bytes=found)


def layers_by_place(found):
    counted = {}
    for name, place in found.items():
        if ".layers." in name:
            counted[place] = counted.get(place, 0) + 1
    return counted


def test_what_fits_on_one_card_is_not_spread(config, sizes):
    assert places(config, card0=2 * sizes[2], card1=2 * sizes[2], cpu=0) == {"": CARD}


def test_layers_that_do_not_fit_go_to_the_next_card_whole(config, sizes):
    rest, layer, _ = sizes
    room = (rest + 3.5 * layer) / 0.85
    found = places(config, card0=room, card1=room, cpu=0)
    assert set(found.values()) == {0, 1}
    assert sum(layers_by_place(found).values()) == LAYERS
    assert layers_by_place(found)[1] >= 2
    for name, place in found.items():
        assert place == 0 or name.startswith("language_model")


def test_what_fits_on_no_card_stays_in_main_memory(config, sizes):
    rest, layer, whole = sizes
    found = places(config, card0=(rest + 3.5 * layer) / 0.85, cpu=2 * whole)
    assert set(layers_by_place(found)) == {0, "cpu"}


def test_what_fits_nowhere_is_told_with_what_it_needs(config, sizes):
    with pytest.raises(InputError, match=r"needs 0\.0 GB for its weights.*--dtype 4-bit"):
        places(config, card0=sizes[0], cpu=10)


def test_four_bits_need_less_room_and_no_main_memory(config, sizes):
    rest, layer, whole = sizes
    free = {0: int((rest + 2 * layer) / 0.85), "cpu": whole}
    found = places_of_parts(config, CARD, torch.float32, bits=4, free_bytes=free)
    assert found == {"": CARD}
    free = {0: int(rest * 0.9), "cpu": whole}
    with pytest.raises(InputError, match="on more cards"):
        places_of_parts(config, CARD, torch.float32, bits=4, free_bytes=free)


def test_layers_kept_elsewhere_change_no_answer(tiny_model, tiny_processor, tmp_path):
    """The hooks that a spread model has; here they fetch a layer from a file for every pass."""
    from accelerate import dispatch_model

    clip = read_clip(write_clip(tmp_path / "a.mp4"), frame_size=tiny_processor.frame_size)
    expected = VideoLlama(tiny_model, tiny_processor)
    answer = expected.ask(clip, "What moves?", max_new_tokens=6)
    spread = deepcopy(tiny_model)
    inner = [f"language_model.model.{name}" for name in ("embed_tokens", "norm", "rotary_emb")]
    outer = [name for name, _ in spread.named_children() if name != "language_model"]
    own = [name for name, _ in spread.named_parameters(recurse=False)]
    here = [*inner, *outer, *own, "language_model.lm_head", "language_model.model.layers.0"]
    device_map = dict.fromkeys(here, "cpu") | {"language_model.model.layers.1": "disk"}
    spread = dispatch_model(spread, device_map, offload_dir=str(tmp_path / "layers"))
    assert spread.language_model.model.layers[1].mlp.up_proj.weight.device.type == "meta"
    assistant = VideoLlama(spread, tiny_processor)
    assert assistant.ask(clip, "What moves?", max_new_tokens=6).text == answer.text
    scheduler = Scheduler(spread, tiny_processor, encoder=assistant.encoder)
    asked = Request([question_message("What moves?", [clip])], [clip], WordChoice(max_new_tokens=6))
    assert scheduler.submit(asked).result().text == answer.text
    scheduler.close()
