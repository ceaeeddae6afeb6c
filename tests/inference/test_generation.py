import threading

import pytest
import torch

from videollama.inference import generation
from videollama.inference.generation import encode_media, write_streaming
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.media.decode import read_clip


@pytest.fixture
def prepared(assistant, clip_file):
    clip = read_clip(clip_file)
    inputs = assistant.processor([question_message("What?", [clip])], clips=[clip])
    return inputs, encode_media(assistant.model, inputs)


def test_many_frames_are_encoded_a_few_at_a_time(assistant, monkeypatch):
    model, sizes = assistant.model, []
    side = model.config.vision_config.image_size
    inputs = {"pixel_values": torch.rand(2, 25, 3, side, side)}
    inputs["pixel_mask"] = torch.ones(2, 25, dtype=torch.bool)
    whole = encode_media(model, inputs).video_embeds
    monkeypatch.setattr(generation, "FRAMES_PER_PASS", 16)
    encoder = model.vision_encoder
    with encoder.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0]))):
        in_parts = encode_media(model, inputs).video_embeds
    assert max(sizes) <= 16
    assert sum(sizes) == 50
    torch.testing.assert_close(in_parts, whole, atol=1e-5, rtol=0)


def stream(assistant, prepared, decode, **arguments):
    words = WordChoice(max_new_tokens=200)
    return write_streaming(assistant.model, *prepared, words, decode, **arguments)


def test_who_stops_listening_stops_the_decoder(assistant, prepared):
    pieces = stream(assistant, prepared, lambda ids: "x" * len(ids))
    next(pieces)
    pieces.close()
    assert not any(thread.name == "videollama-write" for thread in threading.enumerate())


def test_an_error_of_the_decoder_is_raised_where_the_text_is_read(assistant, prepared):
    pieces = stream(assistant, prepared, lambda ids: "x" * len(ids), no_such_argument=1)
    with pytest.raises(ValueError, match="no_such_argument"):
        list(pieces)
