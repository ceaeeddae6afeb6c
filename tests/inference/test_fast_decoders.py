"""Everything that a decoder is asked for, with the one in 8 bits and the compiled one."""

from copy import deepcopy
from functools import partial

import pytest
import torch

from videollama import VideoLlama
from videollama.errors import InputError
from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.scheduling import Request, Scheduler
from videollama.media.decode import read_clip
from videollama.model.compiled_decoder import CompiledDecoder
from videollama.model.int8_decoder import Int8Decoder


@pytest.fixture(scope="module")
def traced():
    """torch traces what it compiles, but makes no machine code, which would take a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
        yield


@pytest.fixture(scope="module", params=[Int8Decoder, CompiledDecoder])
def fast(request, tiny_model, tiny_processor, traced):
    model = deepcopy(tiny_model)
    model.language_model = request.param(model.language_model)
    return VideoLlama(model, tiny_processor)


def test_an_answer_is_written(fast, clip_file):
    answer = fast.ask(clip_file, "What moves?", max_new_tokens=9)
    assert answer.text
    assert "".join(fast.stream(clip_file, "What moves?", max_new_tokens=9)).strip() == answer.text
    assert fast.ask(clip_file, "What moves?", max_new_tokens=9, num_beams=3).text


def test_a_chat_goes_on_from_its_cache(fast, clip_file):
    chat = fast.chat(clip_file, max_new_tokens=6)
    first, second = chat.ask("What moves?"), chat.ask("And then?")
    anew = fast.chat(clip_file, max_new_tokens=6)
    anew.messages = list(chat.messages[:2])
    assert first.text == fast.ask(clip_file, "What moves?", max_new_tokens=6).text
    assert second.text == anew.ask("And then?").text


def test_neighbours_change_no_answer(fast, clip_file, mute_file):
    files = [clip_file, mute_file, clip_file]
    results = fast.caption(files, max_new_tokens=8, num_beams=1)
    together = [result.answer.text for result in results]
    alone = [fast.ask(file, "Describe the video.", max_new_tokens=8).text for file in files]
    assert together == alone


def test_the_scheduler_writes_with_it(fast, clip_file):
    clip = read_clip(clip_file, frame_size=fast.processor.frame_size)
    memory = ConversationMemory()
    scheduler = Scheduler(fast.model, fast.processor, encoder=fast.encoder)
    requests = [
        Request([question_message(question, [clip])], [clip], WordChoice(number), kept)
        for question, number, kept in (
            ("What moves?", 4, None),
            ("Where is it?", 9, memory),
            ("What is heard, and when?", 7, None),
        )
    ]
    answers = [ticket.result().text for ticket in map(scheduler.submit, requests)]
    scheduler.close()
    alone = [
        fast.ask(clip, question, max_new_tokens=number).text
        for question, number in (
            ("What moves?", 4),
            ("Where is it?", 9),
            ("What is heard, and when?", 7),
        )
    ]
    assert answers == alone


@pytest.mark.parametrize(
    ("family", "dtype", "is_fast"),
    [
        ("tiny", "auto", True),
        ("tiny", "float32", False),
        ("released", "auto", False),
        ("released", "int8", True),
    ],
)
def test_which_models_take_it(
    tiny_model, tiny_processor, clip_file, monkeypatch, family, dtype, is_fast
):
    """A released model gives the numbers of the original unless told otherwise."""
    model = deepcopy(tiny_model)
    model.config.family = family
    monkeypatch.setattr(
        "videollama.inference.engine.load_model", lambda *_, **__: (model, tiny_processor)
    )
    assistant = VideoLlama.load("somewhere", dtype=dtype, cache_media=False)
    assert isinstance(assistant.model.language_model, Int8Decoder) is is_fast


def test_a_compiled_model_answers_as_before(tiny_model, tiny_processor, clip_file, traced):
    model = deepcopy(tiny_model)
    wanted = VideoLlama(model, tiny_processor).ask(clip_file, "What moves?", max_new_tokens=9)
    model.language_model = CompiledDecoder(model.language_model)
    found = VideoLlama(model, tiny_processor).ask(clip_file, "What moves?", max_new_tokens=9)
    assert found.text == wanted.text


def test_compiling_is_asked_for_and_is_for_cards(tiny_model, tiny_processor, monkeypatch, traced):
    monkeypatch.setattr(
        "videollama.inference.engine.load_model",
        lambda *_, **__: (deepcopy(tiny_model), tiny_processor),
    )
    load = partial(VideoLlama.load, "somewhere", dtype="float32", cache_media=False)
    with pytest.raises(InputError, match="for cards; on a processor a compiled decoder is slower"):
        load(compiled=True)
    monkeypatch.setattr("videollama.inference.engine.choose_device", lambda _: torch.device("mps"))
    assert not isinstance(load().model.language_model, CompiledDecoder)
    assert isinstance(load(compiled=True).model.language_model, CompiledDecoder)
