import json

import pytest

from videollama.errors import DataError
from videollama.evaluation.annotations import find_annotations, read_annotations, seconds_of

ENTRIES = [{"video": "a.mp4", "question": "What?"}, {"video_name": "b", "question": "Who?"}]
FIELDS = [("video", "video_name"), "question"]


def test_a_list_and_lines_give_the_same_entries(tmp_path):
    (tmp_path / "list.json").write_text(json.dumps(ENTRIES, indent=1))
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, ENTRIES)) + "\n\n")
    (tmp_path / "one.jsonl").write_text(json.dumps(ENTRIES[0]))
    assert read_annotations(tmp_path / "list.json", FIELDS) == ENTRIES
    assert read_annotations(tmp_path / "lines.jsonl", FIELDS) == ENTRIES
    assert read_annotations(tmp_path / "one.jsonl", FIELDS) == ENTRIES[:1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"f\.json is empty; get the file again"),
        ("[]", "holds no entries"),
        ("video,question\na,b\n", "nor one JSON object per line|line 1 is 'video,question'"),
        ('{"a":\n {"video": 1}}', "neither a JSON list nor one JSON object per line"),
        ('[{"video": "a", "question": "b"}, 7]', "entry 2, is no object: 7"),
        ('[{"video": "a"}]', "entry 1, has no field 'question', only video"),
        ('[{"id": 1, "question": "b"}]', "has no field 'video' or 'video_name', only id, question"),
        ('[{"video": "a", "question": " "}]', "has nothing in its field 'question'"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path, text, message):
    file = tmp_path / "f.json"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_annotations(file, FIELDS)


def test_a_file_that_is_not_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "f.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        read_annotations(tmp_path / "f.json", FIELDS)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_annotations(tmp_path / "g.json", FIELDS)
    with pytest.raises(DataError, match=r"holds none of a\.json, b\.json"):
        find_annotations(tmp_path, ["a.json", "b.json"])
    with pytest.raises(DataError, match="does not exist"):
        find_annotations(tmp_path / "nowhere", ["a.json"])


def test_times_are_numbers_or_absent():
    assert seconds_of({"start": "1.5"}, "start", "f") == 1.5
    assert seconds_of({"start": None}, "start", "f") is None
    with pytest.raises(DataError, match="f: field 'start' is 'soon'"):
        seconds_of({"start": "soon"}, "start", "f")
