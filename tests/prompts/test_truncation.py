import pytest

from videollama.errors import InputError
from videollama.prompts import Medium, Turn, drop_oldest_turns, last_exchange

CLIP = Medium("video")
TURNS = [
    Turn("system", ("Be brief.",)),
    Turn("user", (CLIP, "Q1")),
    Turn("assistant", ("A1",)),
    Turn("user", ("Q2",)),
    Turn("assistant", ("A2",)),
    Turn("user", ("Q3",)),
]


def count(turns):
    return sum(len(turn.parts) for turn in turns)


def test_what_fits_stays_as_it_is():
    assert drop_oldest_turns(TURNS, count, 7) == TURNS


def test_old_turns_go_and_the_clip_stays():
    kept = drop_oldest_turns(TURNS, count, 5)
    assert kept == [TURNS[0], Turn("user", (CLIP, "Q2")), *TURNS[4:]]
    assert drop_oldest_turns(TURNS, count, 3) == [TURNS[0], Turn("user", (CLIP, "Q3"))]


def test_a_question_that_is_too_long_by_itself_is_refused():
    with pytest.raises(InputError, match="take 3 tokens, but only 2 fit"):
        drop_oldest_turns(TURNS, count, 2)


def test_the_last_exchange_keeps_the_media_of_all():
    other = Medium("audio")
    turns = [*TURNS[:3], Turn("user", (other, "Q2")), *TURNS[4:]]
    assert last_exchange(turns) == [TURNS[0], Turn("user", (CLIP, other, "Q3"))]
    answered = [*turns, Turn("assistant", ("A3",))]
    assert last_exchange(answered) == [*last_exchange(turns), answered[-1]]
    assert last_exchange(TURNS[1:2]) == TURNS[1:2]
