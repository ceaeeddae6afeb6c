import pytest

from videollama.errors import InputError


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
