from dataclasses import replace
from pathlib import Path

import pytest

from tests.synthetic import write_picture
from videollama.errors import MediaError
from videollama.inference.answer import Flag, Heard, Seen
from videollama.languages.catalogue import wordings
from videollama.media.clip import Clip
from videollama.media.decode import read_clip
from videollama.web.rendering import facts_of, messages_of, picture_of, problem_of
from videollama.web.session import Turn

EN, ZH = wordings()["en"], wordings()["zh"]
ANSWERED = Turn(
    "What?",
    "A square.",
    "done",
    (Seen("clip.mp4", "video", (0.0, 1.25)),),
    (Heard("clip.mp4", "present", 2.0),),
    1.55,
)


def test_an_answer_is_followed_by_what_it_is_based_on():
    question, answer, basis = messages_of([ANSWERED], EN)
    assert (question["content"], answer["content"]) == ("What?", "A square.")
    title = "2 frames from 0.0 to 1.2 s · 2.0 s of sound · answered in 1.6 s"
    assert basis["metadata"]["title"] == title
    assert basis["content"] == "Frames at 0.00, 1.25 s."


def test_the_same_in_chinese():
    assert "用时" in messages_of([ANSWERED], ZH)[2]["metadata"]["title"]


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (Turn("?", "a", "stopped", ANSWERED.seen, (), 1), "sound left out · stopped after 1.0 s"),
        (Turn("?", "a", "done", (Seen("a", "image", (0.0,)),), (), 1), "1 picture · answered"),
        (Turn("?", "a", "done", (), (Heard("a", "silent", 1.0),), 1), "silence · answered"),
        (Turn("?", "a", "done", (Seen("a", "video", (1.0,)),), (), 1), "1 frame at 1.0 s"),
    ],
)
def test_every_basis_has_its_words(turn, words):
    assert words in messages_of([turn], EN)[2]["metadata"]["title"]


def test_before_the_first_word_the_page_says_what_is_going_on():
    assert messages_of([Turn("What?")], EN)[1]["content"] == "Looking and listening …"


def test_what_looks_like_html_stays_text():
    turn = Turn("<img src=x>", "<b>bold</b>", "writing")
    shown = [message["content"] for message in messages_of([turn], EN)]
    assert shown == ["&lt;img src=x&gt;", "&lt;b&gt;bold&lt;/b&gt;"]


def test_another_attempt_says_that_words_were_drawn():
    turn = Turn("?", "a", "done", (), (Heard("a", "present", 1.0),), 1.0, attempt=2)
    assert messages_of([turn], EN)[2]["content"] == "Attempt 3; words drawn at random."


def test_the_facts_of_a_file_are_one_line_and_its_warnings(clip_file):
    assert "video · 2.0 s · 8 frames · with sound" in facts_of(read_clip(clip_file), EN)
    damaged = Clip(
        Path("<a>.mp4"),
        "video",
        frame_times_seconds=(1.0,),
        duration_seconds=2.0,
        start_seconds=1.0,
        audio_status="absent",
        warnings=("the file is damaged or cut off; what comes before was read",),
    )
    assert "video · 1.0 to 3.0 s · 1 frame · no sound track" in facts_of(damaged, EN)
    assert "&lt;a&gt;.mp4" in facts_of(damaged, EN)
    assert "文件已损坏或不完整" in facts_of(damaged, ZH)


def test_a_problem_names_the_file_and_not_where_it_lies():
    error = MediaError("/tmp/x/a&b.mp4 is empty (zero bytes); it may not have been fully copied.")
    shown = problem_of(error, Path("/tmp/x/a&b.mp4"), EN)
    assert shown.startswith('<p role="alert">a&amp;b.mp4 is empty')
    assert "空文件" in problem_of(error, Path("/tmp/x/a&b.mp4"), ZH)


def test_a_picture_is_shown_as_it_is_and_a_clip_as_frames_over_its_sound(clip_file, tmp_path):
    picture = read_clip(write_picture(tmp_path / "a.png", size=(64, 96)))
    assert picture_of(picture).size == (96, 64)
    assert picture_of(read_clip(clip_file)).width > 400


def test_what_the_file_does_not_bear_out_stands_below_the_answer():
    flags = (Flag("sound", "<b>dog", "absent"), Flag("object", "a boat", "unlikely", 0.25))
    lines = [
        message["content"] for message in messages_of([replace(ANSWERED, flags=flags)], EN)[3:]
    ]
    assert lines == [
        "⚠ The answer names a sound (&lt;b&gt;dog), but there is no sound track.",
        "⚠ The answer names a boat; asked again, the model finds that unlikely (25 %).",
    ]
    assert "没有音轨" in messages_of([replace(ANSWERED, flags=flags)], ZH)[3]["content"]
    checked = messages_of([replace(ANSWERED, flags=())], EN)
    assert checked[3]["content"] == "Checked: nothing to mark."
    assert len(messages_of([ANSWERED], EN)) == 3
