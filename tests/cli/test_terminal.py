from videollama.cli.terminal import basis
from videollama.inference.answer import Answer, Heard, Seen


def test_a_part_that_the_question_names_is_told_once():
    answer = Answer(
        "A dog.",
        (Seen("a.mp4", "video", (60.0, 75.0), (60.0, 90.0)),),
        (Heard("a.mp4", "present", 30.0, (60.0, 90.0)),),
    )
    assert basis(answer) == (
        "2 frames from 60.0 to 75.0 s · only 60.0 to 90.0 s, which the question names · "
        "30.0 s of sound · answered in 0.0 s"
    )


def test_the_named_part_of_a_sound_is_told_too():
    answer = Answer("Rain.", (), (Heard("a.wav", "present", 5.0, (0.0, 5.0)),))
    assert basis(answer).startswith("5.0 s of sound · only 0.0 to 5.0 s, which the question names")
