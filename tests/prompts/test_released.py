import pytest

from videollama.errors import InputError
from videollama.prompts import Medium, Turn
from videollama.prompts.released import frame_times_sentence, render_llama_2, render_vicuna

SOUND = "Close your eyes, open your ears and you imagine only based on the sound that: (audio)"


def test_sound_alone_has_a_sentence_of_its_own(written):
    turns = [Turn("user", (Medium("audio", False, "present"), "What is it?"))]
    ending = ". Now answer my question based on what you have just heard. What is it?"
    assert written(render_vicuna(turns)) == f"<s>###Human: {SOUND}{ending}###Assistant:"


def test_the_released_models_hear_silence(written):
    turns = [Turn("user", (Medium("video", audio_status="silent"), "Well?"))]
    assert f"###Human: {SOUND}.{' ' * 17}Close" in written(render_vicuna(turns))


def test_frame_times_are_rounded_and_never_plural_aware():
    assert frame_times_sentence([0.04]) == "The video contains 1 frames sampled at 0.0 seconds. "
    assert frame_times_sentence([0.0, 12.96]).endswith("at 0.0, 13.0 seconds. ")


def test_a_video_without_times_says_nothing_about_them(written):
    turns = [Turn("user", (Medium("video", frame_times_seconds=(0.0, 1.0)), "Q"))]
    prompt = written(render_vicuna(turns, system="", state_frame_times=False))
    assert prompt == "<s>###Human: <Video>(video)</Video> Q###Assistant:"


def test_a_question_asked_after_the_upload_joins_it(written):
    later = [Turn("user", (Medium("image"),)), Turn("user", ("Q",))]
    together = [Turn("user", (Medium("image"), "Q"))]
    assert written(render_vicuna(later)) == written(render_vicuna(together))
    assert written(render_llama_2(later)) == written(render_llama_2(together))


def test_two_questions_in_a_row_share_one_instruction(written):
    prompt = written(render_llama_2([Turn("user", ("A?",)), Turn("user", ("B?",))], system=""))
    assert prompt == "<s>[INST] <<SYS>>\n\n<</SYS>>\n\nA? B? [/INST]"


def test_a_llama_2_conversation_starts_with_the_user():
    with pytest.raises(InputError, match="must start with something the user says"):
        render_llama_2([Turn("assistant", ("Hello",))])
