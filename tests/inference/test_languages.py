"""Questions in Chinese: asked of a model that knows it, refused by one that does not."""

from dataclasses import replace

import pytest

from videollama.applications.analysis import analyze
from videollama.applications.highlights import find_highlights
from videollama.errors import InputError, LanguageError
from videollama.inference.messages import question_message
from videollama.inference.requests import Request
from videollama.inference.scheduling import Scheduler
from videollama.media.decode import read_clip

QUESTION = "视频里发生了什么？"
REFUSAL = "这个模型不懂中文，只懂英语；请用英语提问"


def test_a_model_that_knows_chinese_reads_the_question_in_its_own_prompt(
    chinese_assistant, clip_file, monkeypatch
):
    prompts = []
    processor = chinese_assistant.processor
    encode = processor.encode_turns
    monkeypatch.setattr(
        processor, "encode_turns", lambda *a: prompts.append(encode(*a)) or prompts[-1]
    )
    assert chinese_assistant.ask(clip_file, QUESTION, max_new_tokens=4).seen[0].num_frames == 8
    known = [token for token in prompts[0] if token < len(processor.tokenizer)]
    text = processor.tokenizer.decode(known)
    assert f"{QUESTION}###Assistant:" in text
    assert "<Video>" in text
    assert "frames sampled at" not in text  # BiLLa was trained without


def test_a_model_that_does_not_refuses_before_it_opens_the_file(assistant, tmp_path):
    with pytest.raises(LanguageError, match=REFUSAL):
        assistant.ask(tmp_path / "missing.mp4", QUESTION)
    with pytest.raises(LanguageError, match=REFUSAL):
        assistant.stream(tmp_path / "missing.mp4", QUESTION)


def test_every_other_way_to_ask_refuses_too(assistant, clip_file):
    conversation = assistant.chat(clip_file, max_new_tokens=1)
    with pytest.raises(LanguageError, match=REFUSAL):
        conversation.ask(QUESTION)
    assert conversation.messages == []
    with pytest.raises(LanguageError, match=REFUSAL):
        list(assistant.caption([clip_file], question=QUESTION))
    with pytest.raises(LanguageError, match=REFUSAL):
        find_highlights(assistant, clip_file, "一只狗在跑", seconds=1)
    scheduler = Scheduler(assistant.model, assistant.processor)
    ticket = scheduler.submit(Request([question_message(QUESTION, [])]))
    with pytest.raises(LanguageError, match=REFUSAL):
        ticket.result()
    scheduler.close()


def test_only_the_last_question_decides(assistant, clip_file):
    clip = replace(read_clip(clip_file), waveform=None, audio_status="not_requested")
    said = [question_message(QUESTION, [clip]), {"role": "assistant", "content": "你好"}]
    inputs = assistant.processor(
        [*said, question_message("What?", [])], clips=[clip], with_media=False
    )
    assert inputs["input_ids"].shape[0] == 1


def test_an_analysis_asks_in_the_language_that_is_wanted(chinese_assistant, clip_file, monkeypatch):
    asked = []
    caption = chinese_assistant.caption
    monkeypatch.setattr(
        chinese_assistant,
        "caption",
        lambda clips, **more: asked.append(more["question"]) or caption(clips, **more),
    )
    analyze(chinese_assistant, clip_file, language="zh")
    assert asked == ["请描述这个视频。", "你听到了什么？"]
    with pytest.raises(InputError, match="'xx' is not a language"):
        analyze(chinese_assistant, clip_file, language="xx")


def test_an_analysis_in_a_language_that_is_not_known_is_refused(assistant, clip_file):
    with pytest.raises(LanguageError, match=REFUSAL):
        analyze(assistant, clip_file, language="zh")
