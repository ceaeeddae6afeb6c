import pytest

from videollama.prompts import Medium, Turn, render_chatml

VIDEO = "Video:\nFirst(begin), then(end)\n"
OPENING = "<|im_start|>system\nAnswer questions about a clip.<|im_end|>\n"


@pytest.mark.parametrize(
    ("medium", "lines"),
    [
        (Medium("video", audio_status="present"), f"Audio: (audio)\n{VIDEO}"),
        (Medium("video", audio_status="silent"), f"Audio: silence\n{VIDEO}"),
        (Medium("video", audio_status="absent"), f"Audio: the clip has no audio track\n{VIDEO}"),
        (Medium("video", audio_status="undecodable"), f"Audio: unreadable\n{VIDEO}"),
        (Medium("video", audio_status="not_requested"), VIDEO),
        (Medium("image", audio_status="absent"), "Image: (video)\n"),
        (Medium("audio", False, "present"), "Audio: (audio)\nVideo: none\n"),
        (Medium("audio", False, "silent"), "Audio: silence\nVideo: none\n"),
    ],
)
def test_a_small_model_is_told_what_is_missing(medium, lines, written):
    prompt = written(render_chatml([Turn("user", (medium, "What happens?"))]))
    expected = f"<|im_start|>user\n{lines}What happens?<|im_end|>\n<|im_start|>assistant\n"
    assert prompt == OPENING + expected


def test_a_conversation_goes_on(written):
    turns = [
        Turn("user", (Medium("image"), "What is it?")),
        Turn("assistant", ("A dog.",)),
        Turn("user", ("Which colour?",)),
    ]
    assert written(render_chatml(turns)).endswith(
        "Image: (video)\nWhat is it?<|im_end|>\n<|im_start|>assistant\nA dog.<|im_end|>\n"
        "<|im_start|>user\nWhich colour?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_several_media_come_in_order(written):
    media = (Medium("image"), Medium("video", audio_status="absent"))
    prompt = written(render_chatml([Turn("user", (*media, "Compare."))]))
    assert (
        f"user\nImage: (video)\nAudio: the clip has no audio track\n{VIDEO}Compare.<|im_end|>"
        in prompt
    )


def test_the_system_sentence_can_be_replaced_or_left_out(written):
    question = Turn("user", ("Hi",))
    own = written(render_chatml([Turn("system", ("Be brief.",)), question]))
    assert own.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n")
    assert written(render_chatml([question], system="")).startswith("<|im_start|>user\nHi")


def test_only_answers_and_what_ends_them_are_learned():
    turns = [Turn("user", ("Hi",)), Turn("assistant", ("Hello.",))]
    pieces = render_chatml(turns, add_generation_prompt=False)
    learned = [(piece.kind, piece.value) for piece in pieces if piece.supervised]
    assert learned == [("text", "Hello."), ("control", "<|im_end|>")]
