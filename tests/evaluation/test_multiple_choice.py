import json

import pytest

from tests.evaluation.conftest import Scripted, write_json, write_videos
from videollama.errors import DataError
from videollama.evaluation.multiple_choice import MultipleChoiceTask, chosen_option
from videollama.evaluation.mvbench import read_mvbench
from videollama.evaluation.runner import run_task
from videollama.evaluation.video_mme import read_video_mme

OPTIONS = ("The closet.", "The box", "A red box", "Yes")


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("B", 1),
        ("b", 1),
        ("(B)", 1),
        ("B. The box", 1),
        ("(C) A red box.", 2),
        ("A:", 0),
        ("The correct answer is (D).", 3),
        ("Answer: c", 2),
        ("I choose option B because of the box", 1),
        ("the closet", 0),
        ("It is the closet, surely.", 0),
        ("yes", 3),
        ("A man opens the closet.", 0),
        ("A man walks.", None),
        ("E", None),
        ("It is the box or the closet", None),
        ("", None),
    ],
)
def test_the_option_that_an_answer_means(answer, place):
    assert chosen_option(answer, OPTIONS) == place


@pytest.fixture
def mvbench(tmp_path):
    """Two tasks whose videos have the same name in two data sets."""
    entry = {"video": "video_1.mp4", "question": "What moves?", "candidates": ["a ball", "a cup"]}
    write_json(
        tmp_path / "json" / "moving_count.json",
        [{**entry, "answer": "a ball", "start": 0.25, "end": 0.5}],
    )
    write_json(
        tmp_path / "json" / "state_change.json",
        [{**entry, "answer": "a cup"}, {**entry, "video": "video_2.mp4", "answer": "a ball"}],
    )
    write_videos(tmp_path / "video" / "clevrer" / "video_validation", "video_1.mp4")
    write_videos(tmp_path / "video" / "perception" / "videos", "video_1.mp4", "video_2.mp4")
    return tmp_path


def test_mvbench_reads_every_task_and_tells_data_sets_apart(mvbench):
    questions, coverage, source = read_mvbench(mvbench, None)
    assert (source, coverage.missing) == ("2 tasks", ())
    assert [(q.id, q.right, path.parts[-3]) for q, path in questions] == [
        ("moving_count/1", 0, "clevrer"),
        ("state_change/1", 1, "perception"),
        ("state_change/2", 0, "perception"),
    ]
    task = MultipleChoiceTask("mvbench", source, questions, coverage)
    assert task.samples[0].question.splitlines() == [
        "What moves?",
        "(A) a ball",
        "(B) a cup",
        "Answer with the option's letter from the given choices directly.",
    ]
    clip = task.samples[0].open_clip()
    assert (clip.start_seconds, clip.duration_seconds) == (0.25, 0.25)
    summary = run_task(task, Scripted(lambda clip, question: "(A)"))
    assert summary.numbers["accuracy"] == pytest.approx(200 / 3)
    assert summary.numbers["accuracy, moving_count"] == 100.0
    assert summary.numbers["accuracy, state_change"] == 50.0
    assert summary.numbers["chance"] == 50.0


def test_one_task_alone_and_videos_that_are_cut_already(mvbench):
    star = {"video": "x.mp4", "question": "Why?", "candidates": ["a", "b"], "answer": "b"}
    file = write_json(mvbench / "json" / "action_sequence.json", [{**star, "start": 5, "end": 9}])
    write_videos(mvbench / "video" / "star" / "Charades_segment", "x.mp4")
    questions, _, source = read_mvbench(file, mvbench / "video")
    assert source == "action_sequence"
    assert questions[0][0].start_seconds is None


def test_a_part_beyond_the_video_counts_as_unreadable(mvbench):
    entry = json.loads((mvbench / "json" / "moving_count.json").read_text())[0]
    write_json(mvbench / "json" / "moving_count.json", [{**entry, "start": 40, "end": 50}])
    questions, coverage, source = read_mvbench(mvbench, None)
    task = MultipleChoiceTask("mvbench", source, questions, coverage)
    summary = run_task(task, Scripted(lambda clip, question: "B"))
    assert summary.num_broken == 1
    assert "beyond the end of the file" in (summary.records[0].error or "")


def test_the_likeliest_option_is_asked_for_without_letters(mvbench):
    questions, coverage, source = read_mvbench(mvbench, None)
    task = MultipleChoiceTask("mvbench", source, questions, coverage, choice="likelihood")
    answerer = Scripted(None, choice=lambda clip, question: 1)
    summary = run_task(task, answerer)
    assert answerer.batches == [["What moves?"] * 3]
    assert summary.records[0].answer == "a cup"
    assert summary.numbers["accuracy"] == pytest.approx(100 / 3)
    assert summary.numbers["clear answers"] == 100.0
    blind = run_task(task, answerer, blind=True)
    assert [record.answer for record in blind.records] == ["a cup"] * 3


MME = {
    "question_id": "001-1",
    "videoID": "fFjv93ACGo8",
    "duration": "short",
    "question": "When is it?",
    "options": ["A. In spring.", "B. In winter.", "C. At night.", "D. Never."],
    "answer": "C",
}


def test_video_mme_is_scored_by_length(tmp_path):
    rows = [
        MME,
        {**MME, "question_id": "601-1", "videoID": "zz", "duration": "long", "answer": "B"},
    ]
    (tmp_path / "videomme.jsonl").write_text("\n".join(map(json.dumps, rows)))
    write_videos(tmp_path / "data", "fFjv93ACGo8.mp4", "zz.mp4")
    questions, coverage, source = read_video_mme(tmp_path, None)
    assert questions[0][0].options[1] == "In winter."
    task = MultipleChoiceTask("video-mme", source, questions, coverage)
    summary = run_task(task, Scripted(lambda clip, question: "C."))
    assert summary.numbers["accuracy, short"] == 100.0
    assert summary.numbers["accuracy, long"] == 0.0
    assert task.samples[0].truth == "(C) At night."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "F"}, r"entry 1: the answer 'F' is not one of the letters A to D"),
        ({"options": "A. x"}, "the options must be a list of texts, not 'A. x'"),
        ({"options": ["A. x", " "]}, "entry 1: option B is empty"),
        ({"duration": ""}, "has nothing in its field 'duration'"),
    ],
)
def test_a_wrong_video_mme_file_is_refused(tmp_path, change, message):
    file = write_json(tmp_path / "videomme.json", [{**MME, **change}])
    with pytest.raises(DataError, match=message):
        read_video_mme(file, None)


def test_what_is_no_mvbench_is_refused(mvbench, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(DataError, match="holds no JSON files with tasks"):
        read_mvbench(empty, None)
    wrong = {"video": "a.mp4", "question": "b", "candidates": ["c", "d"], "answer": "e"}
    file = write_json(empty / "state_change.json", [wrong])
    with pytest.raises(DataError, match="entry 1: the answer 'e' is none of the candidates"):
        read_mvbench(file, None)
    with pytest.raises(DataError, match="is a parquet file; write its rows as JSON lines"):
        read_video_mme(empty / "test.parquet", None)


def test_ids_that_stand_twice_are_refused(tmp_path):
    write_json(tmp_path / "videomme.json", [MME, MME])
    write_videos(tmp_path, "fFjv93ACGo8.mp4")
    questions, coverage, source = read_video_mme(tmp_path, None)
    with pytest.raises(DataError, match=r"Two questions in videomme\.json have the same id"):
        MultipleChoiceTask("video-mme", source, questions, coverage)
