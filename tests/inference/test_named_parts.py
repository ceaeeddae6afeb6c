import pytest

from videollama.inference.named_parts import part_named_in, without_named_part


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("What happens between 1:00 and 1:30?", 60, 90),
        ("Between 10 and 20 seconds, who speaks?", 10, 20),
        ("What is said between 1 minute and 90 seconds?", 60, 90),
        ("Between 1 and 2.5 minutes?", 60, 150),
        ("Between one and 2 minutes 30 seconds?", 60, 150),
        ("What happens from 0:10 to 0:20?", 10, 20),
        ("From 10 to 20 s?", 10, 20),
        ("Describe it from 01:02:03 until 1:02:30.", 3723, 3750),
        ("from second 10 to second 20, what moves?", 10, 20),
        ("From 5s to 1m 10s?", 5, 70),
        ("What do you hear at 0:10-0:20?", 10, 20),
        ("What happens after 2:00?", 120, None),
        ("What happens after 1 minute and 30 seconds?", 90, None),
        ("What is there after the first ten seconds?", 10, None),
        ("What is there from 0:45 on?", 45, None),
        ("What happens before 0:30?", None, 30),
        ("What do you see in the first 30 seconds?", None, 30),
        ("Describe the first minute.", None, 60),
        ("Describe the first two minutes.", None, 120),
        ("The first 30-second part: what is in it?", None, 30),
        ("What happens after 1:00 and before 1:30?", 60, 90),
    ],
)
def test_the_words_of_a_question_name_a_part(question, start, end):
    assert part_named_in(question) == (start, end)


@pytest.mark.parametrize(
    "question",
    [
        "What happens?",
        "Is the picture 16:9?",
        "What does the clock show at 5:30?",
        "Does the shop open between 9:00 and 5:30 pm?",
        "Is it open from 9:00 to 10:00 o'clock?",
        "Are there between 2 and 3 men?",
        "Who is the first man, and who comes after him?",
        "Who comes after two men?",
        "Who scores the first second goal?",
        "Compare 0:10-0:20 with 1:10-1:20.",
        "What happens in the first 5 seconds and what after 1:00 and after 2:00?",
        "Is it the first mountain?",
        "Does it rise between 1 and 1:30?",
    ],
)
def test_other_numbers_name_none(question):
    assert part_named_in(question) is None


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("What happens between 1:00 and 1:30?", "What happens?"),
        ("Between 10 and 20 seconds, who speaks?", "Who speaks?"),
        ("from second 10 to second 20, what moves?", "What moves?"),
        ("What do you hear at 0:10-0:20?", "What do you hear?"),
        ("What is there from 0:45 on?", "What is there?"),
        ("What happens after 1:00 and before 1:30?", "What happens?"),
        ("What happens in the first minute of the video?", "What happens?"),
        ("What do you see in the first 30 seconds, and what do you hear?",
         "What do you see, and what do you hear?"),
        ("What happens?", "What happens?"),
    ],
)  # fmt: skip
def test_what_is_asked_about_a_part_needs_no_times(question, rest):
    assert without_named_part(question) == rest


@pytest.mark.parametrize(
    "question",
    [
        "Describe the first minute.",
        "The first 30-second part: what is in it?",
        "Describe 0:10-0:20.",
        "From 10 to 20 s?",
    ],
)
def test_times_without_which_nothing_would_be_asked_stay(question):
    assert without_named_part(question) == question
