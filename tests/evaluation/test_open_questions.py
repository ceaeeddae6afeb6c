import pytest

from tests.evaluation.conftest import Scripted, write_json, write_videos
from videollama.errors import DataError
from videollama.evaluation.open_questions import OpenQuestionsTask
from videollama.evaluation.runner import run_task

MSVD = [
    {"id": 51200, "video_id": 1451, "question": "what is falling?", "answer": "water"},
    {"id": 51201, "video_id": 1452, "question": "who rides a horse?", "answer": "man"},
    {"id": 51202, "video_id": 1452, "question": "is it raining?", "answer": "no"},
]


@pytest.fixture
def msvd(tmp_path):
    write_json(tmp_path / "test_qa.json", MSVD)
    (tmp_path / "youtube_mapping.txt").write_text("-4wsuPCjDBc_5_15 vid1451\nxBe_2_9 vid1452\n")
    write_videos(tmp_path / "YouTubeClips", "-4wsuPCjDBc_5_15.avi", "xBe_2_9.avi")
    return tmp_path


def test_msvd_qa_finds_its_videos_by_the_mapping(msvd):
    task = OpenQuestionsTask("msvd-qa", msvd)
    assert task.coverage.missing == ()
    assert [sample.id for sample in task.samples] == ["51200", "51201", "51202"]
    assert [sample.group for sample in task.samples] == ["what", "who", "other"]
    answers = {"what": "Water.", "who": "A man is riding a horse.", "is": "Yes."}
    summary = run_task(task, Scripted(lambda clip, question: answers[question.split()[0]]))
    assert summary.numbers["soft match"] == pytest.approx(200 / 3)
    assert summary.numbers["exact match"] == pytest.approx(100 / 3)
    assert summary.numbers["soft match, other"] == 0.0
    assert [record.score for record in summary.records] == [100.0, 100.0, 0.0]


def test_msrvtt_qa_is_read_as_published_and_as_repacked(tmp_path):
    write_videos(tmp_path / "videos", "video7010.mp4")
    question = {"question": "what is shown?", "answer": "a dog"}
    write_json(tmp_path / "test_qa.json", [{"video_id": 7010, "id": 1, **question}])
    published = OpenQuestionsTask("msrvtt-qa", tmp_path)
    (tmp_path / "test_qa.json").unlink()
    write_json(tmp_path / "other" / "gt_qa.json", [{"video": "video7010.mp4", **question}])
    repacked = OpenQuestionsTask("msrvtt-qa", tmp_path / "other", media=tmp_path / "videos")
    for task in (published, repacked):
        assert task.samples[0].question == "what is shown?"
        assert task.samples[0].truth == "a dog"
        assert task.samples[0].open_clip().kind == "video"


def test_activitynet_qa_joins_answers_by_id_and_asks_in_sentences(tmp_path):
    ids = ["v_a_1", "v_a_2"]
    questions = [{"video_name": "a", "question": "is it a man", "question_id": i} for i in ids]
    write_json(tmp_path / "test_q.json", questions)
    answers = [
        {"answer": "two", "type": 7, "question_id": "v_a_2"},
        {"answer": "yes", "type": 3, "question_id": "v_a_1"},
    ]
    write_json(tmp_path / "test_a.json", answers)
    write_videos(tmp_path, "v_a.mp4")
    task = OpenQuestionsTask("activitynet-qa", tmp_path)
    assert [(s.truth, s.group) for s in task.samples] == [("yes", "yes/no"), ("two", "number")]
    assert task.samples[0].question == "Is it a man?"
    summary = run_task(task, Scripted(lambda clip, question: "Yes, 2."))
    assert summary.numbers["soft match"] == 100.0


def test_missing_videos_are_left_out_and_named(msvd):
    (msvd / "YouTubeClips" / "xBe_2_9.avi").unlink()
    task = OpenQuestionsTask("msvd-qa", msvd)
    assert task.coverage.to_dict() == {
        "videos": 2,
        "questions": 3,
        "questions left out": 2,
        "missing": ["1452"],
    }
    assert task.coverage.sentence() == "1 of 2 videos are missing, with 2 of 3 questions: 1452"
    assert len(task.samples) == 1


def test_an_unreadable_video_is_counted(msvd):
    (msvd / "YouTubeClips" / "xBe_2_9.avi").write_bytes(b"not a video")
    summary = run_task(OpenQuestionsTask("msvd-qa", msvd), Scripted(lambda clip, question: "water"))
    assert (summary.num_answers, summary.num_broken) == (1, 2)


def test_a_limit_draws_the_same_questions_each_time(msvd):
    drawn = [
        [sample.id for sample in OpenQuestionsTask("msvd-qa", msvd, limit=2, seed=3).samples]
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 2


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"video_id": 1, "answer": "a"}], "entry 1, has no field 'question'"),
        ([{"question": "b", "answer": "a"}], "has no field 'video_name' or 'video_id' or 'video'"),
        ([{"video_id": 1, "question": "b"}], r"no field 'answer', and there is no test_a\.json"),
        ([*MSVD, MSVD[0]], "entry 4, has the same id as another, 51200"),
        ([MSVD[0], {**MSVD[1], "answer": " "}], "entry 2, has no field 'answer'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, entries, message):
    write_json(tmp_path / "test_qa.json", entries)
    with pytest.raises(DataError, match=message):
        OpenQuestionsTask("msvd-qa", tmp_path)


def test_a_question_without_answer_in_the_other_file_is_refused(tmp_path):
    write_json(tmp_path / "test_q.json", [{"video_name": "a", "question": "b", "question_id": "x"}])
    write_json(tmp_path / "test_a.json", [{"question_id": "y", "answer": "c"}])
    with pytest.raises(DataError, match="entry 1, has no field 'answer', and none is known for x"):
        OpenQuestionsTask("activitynet-qa", tmp_path)


def test_a_folder_for_videos_that_is_none_is_refused(msvd):
    with pytest.raises(DataError, match="is no folder; name the one with the videos"):
        OpenQuestionsTask("msvd-qa", msvd, media=msvd / "nowhere")
