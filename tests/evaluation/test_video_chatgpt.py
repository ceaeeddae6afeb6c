import pytest

from tests.evaluation.conftest import write_json, write_videos
from videollama.errors import DataError
from videollama.evaluation.video_chatgpt import VideoChatGptTask


def test_an_entry_with_one_of_its_answers_missing_is_not_judged(tmp_path):
    pair = {"Q1": "a?", "Q2": "b?", "A": "c", "video_name": "v"}
    write_json(tmp_path / "consistency_qa.json", [pair, {**pair, "video_name": "w"}])
    write_videos(tmp_path, "v.mp4", "w.mp4")
    task = VideoChatGptTask(tmp_path)
    inquiries = task.inquiries(task.samples[:3], ["x", "y", "z"])
    assert [inquiry.sample_id for inquiry in inquiries] == ["consistency/1/1"]


def test_a_folder_without_its_files_and_a_wrong_file_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds none of generic_qa\.json, temporal_qa\.json"):
        VideoChatGptTask(tmp_path)
    write_json(tmp_path / "temporal_qa.json", [{"Q": "a", "video_name": "b"}])
    with pytest.raises(DataError, match="entry 1, has no field 'A', only Q, video_name"):
        VideoChatGptTask(tmp_path)
