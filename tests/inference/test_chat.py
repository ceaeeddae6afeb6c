import pytest

from tests.model.small_models import DECODER, build, released
from videollama.errors import InputError
from videollama.inference.engine import VideoLlama
from videollama.processing import VideoLlamaProcessor


@pytest.fixture
def encodings(monkeypatch, tiny_model):
    """Counts how often the encoders run."""
    counts = {"frames": 0, "segments": 0}
    frames, segments = tiny_model.encode_frames, tiny_model.encode_segments

    def encode_frames(pixel_values):
        counts["frames"] += 1
        return frames(pixel_values)

    def encode_segments(audio_values):
        counts["segments"] += 1
        return segments(audio_values)

    monkeypatch.setattr(tiny_model, "encode_frames", encode_frames)
    monkeypatch.setattr(tiny_model, "encode_segments", encode_segments)
    return counts


def test_media_are_encoded_once_for_all_questions(assistant, clip_file, encodings):
    conversation = assistant.chat(clip_file, max_new_tokens=3)
    for question in ("What moves?", "Where to?", "Why?"):
        conversation.ask(question)
    assert encodings == {"frames": 1, "segments": 1}
    assert [message["role"] for message in conversation.messages] == ["user", "assistant"] * 3


def test_a_later_answer_costs_no_looking(assistant, clip_file):
    conversation = assistant.chat(clip_file, max_new_tokens=3)
    first, second = conversation.ask("What moves?"), conversation.ask("Where to?")
    assert first.timings.see_seconds > 0
    assert second.timings.see_seconds == second.timings.read_seconds == 0
    assert second.seen == first.seen


def test_a_later_question_is_asked_with_what_was_said_before(assistant, clip_file):
    conversation = assistant.chat(clip_file, max_new_tokens=8)
    conversation.ask("What moves?")
    messages = [*conversation.messages, {"role": "user", "content": "Where to?"}]
    inputs = assistant.processor(messages, clips=conversation.clips)
    media = {name: inputs[name] for name in inputs if name != "attention_mask"}
    ids = assistant.model.generate(
        **media,
        attention_mask=inputs["attention_mask"],
        max_new_tokens=8,
        do_sample=False,
        **assistant.processor.stop_arguments(),
    )
    assert conversation.ask("Where to?").text == assistant.processor.decode_answer(ids[0])


def test_a_streamed_answer_is_remembered_like_any_other(assistant, clip_file):
    streamed, asked = (assistant.chat(clip_file, max_new_tokens=8) for _ in range(2))
    for _ in streamed.stream("What moves?"):
        pass
    asked.ask("What moves?")
    assert streamed.messages == asked.messages


def test_a_refused_question_leaves_the_conversation_as_it_was(assistant, clip_file):
    conversation = assistant.chat(clip_file, max_new_tokens=3)
    conversation.ask("What moves?")
    before = list(conversation.messages)
    with pytest.raises(InputError):
        conversation.ask(" ")
    assert conversation.messages == before


def test_a_stream_with_beams_is_refused(assistant, clip_file):
    with pytest.raises(InputError, match="num_beams is 2, but a streamed answer has 1"):
        assistant.stream(clip_file, "What?", num_beams=2)


def test_bytes_of_another_encoding_in_a_question_are_question_marks(assistant, clip_file):
    chat = assistant.chat(clip_file, max_new_tokens=2)
    chat.ask("What is \udcff?")
    assert chat.messages[0]["content"][-1]["text"] == "What is ??"


def released_assistant(tokenizer, template, **decoder):
    vocabulary = len(tokenizer)
    config = released(
        prompt_template=template,
        text_config={**DECODER, "vocab_size": vocabulary, **decoder},
        video_token_id=vocabulary,
        audio_token_id=vocabulary + 1,
    )
    return VideoLlama(build(config), VideoLlamaProcessor(config, tokenizer))


@pytest.fixture(params=["chatml", "vicuna", "llama_2"])
def asked(request, assistant, tiny_tokenizer):
    """An assistant of each family, one per template."""
    if request.param == "chatml":
        return assistant
    return released_assistant(tiny_tokenizer, request.param)


@pytest.fixture
def tokens_read(asked):
    """How many tokens the decoder read at each step."""
    counts = []
    hook = asked.model.language_model.register_forward_pre_hook(
        lambda _, args, kwargs: counts.append(kwargs["inputs_embeds"].shape[1]), with_kwargs=True
    )
    yield counts
    hook.remove()


def reading_everything(assistant, conversation, question, max_new_tokens):
    """The answer to the next question without any memory, and the length of its prompt."""
    messages = [*conversation.messages, {"role": "user", "content": question}]
    inputs = assistant.processor(messages, clips=conversation.clips)
    ids = assistant.model.generate(
        **inputs,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        **assistant.processor.stop_arguments(),
    )
    return assistant.processor.decode_answer(ids[0]), inputs["input_ids"].shape[1]


def test_a_later_question_costs_its_own_tokens_and_changes_no_answer(asked, clip_file, tokens_read):
    conversation = asked.chat(clip_file, max_new_tokens=8)
    conversation.ask("What moves from one side to the other while the tone sounds?")
    first = tokens_read[0]
    for question in ("Where to?", "Why is that?", "And then?"):
        expected, length = reading_everything(asked, conversation, question, 8)
        tokens_read.clear()
        assert conversation.ask(question).text == expected
        assert tokens_read[0] < length / 2
        assert tokens_read[0] < first / 2


def test_a_model_of_single_questions_remembers_the_media_alone(
    asked, clip_file, monkeypatch, tokens_read
):
    monkeypatch.setattr(asked.processor.config, "multi_turn", False)
    conversation = asked.chat(clip_file, max_new_tokens=8)
    conversation.ask("What moves?")
    first = tokens_read[0]
    tokens_read.clear()
    later = conversation.ask("Where to?")
    assert tokens_read[0] < first / 2
    assert later.text == asked.ask(clip_file, "Where to?", max_new_tokens=8).text
    assert len(conversation.messages) == 4


def test_a_stream_remembers_and_is_remembered(asked, clip_file, tokens_read):
    conversation = asked.chat(clip_file, max_new_tokens=8)
    "".join(conversation.stream("What moves?"))
    abandoned = conversation.stream("Where to?")
    next(abandoned)
    abandoned.close()
    expected, length = reading_everything(asked, conversation, "Why?", 8)
    tokens_read.clear()
    assert "".join(conversation.stream("Why?")) == expected
    assert tokens_read[0] < length / 2


def test_a_conversation_that_was_edited_is_read_again_from_there(asked, clip_file):
    conversation = asked.chat(clip_file, max_new_tokens=8)
    for question in ("What moves?", "Where to?"):
        conversation.ask(question)
    conversation.messages[1] = {"role": "assistant", "content": "Nothing moves."}
    expected, _ = reading_everything(asked, conversation, "Why?", 8)
    assert conversation.ask("Why?").text == expected


def test_a_failed_answer_leaves_nothing_wrong_to_remember(asked, clip_file, monkeypatch):
    conversation = asked.chat(clip_file, max_new_tokens=8)
    conversation.ask("What moves?")
    forward, calls = asked.model.language_model.forward, []

    def fail(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise MemoryError
        return forward(*args, **kwargs)

    expected, _ = reading_everything(asked, conversation, "Where to?", 8)
    with monkeypatch.context() as patched:
        patched.setattr(asked.model.language_model, "forward", fail)
        with pytest.raises(MemoryError):
            conversation.ask("Why?")
    assert conversation.ask("Where to?").text == expected


def test_a_decoder_that_forgets_what_is_far_back_reads_all_anew(tiny_tokenizer, clip_file):
    window = {"model_type": "mistral", "sliding_window": 8, "num_key_value_heads": 2}
    asked = released_assistant(tiny_tokenizer, "vicuna", **window)
    conversation = asked.chat(clip_file, max_new_tokens=8)
    conversation.ask("What moves?")
    expected, _ = reading_everything(asked, conversation, "Where to?", 8)
    assert conversation.ask("Where to?").text == expected


def test_beams_search_without_the_memory(asked, clip_file):
    conversation = asked.chat(clip_file, max_new_tokens=4, num_beams=2)
    first = conversation.ask("What moves?").text
    assert first == asked.ask(clip_file, "What moves?", max_new_tokens=4, num_beams=2).text
    assert conversation.ask("Where to?").text is not None
