import json

import pytest

from videollama.errors import DataError
from videollama.training.datasets import json_entries
from videollama.training.datasets.json_entries import read_entries, read_first_entry

ITEMS = [
    {"id": number, "text": 'ä[{]}\\"' * number, "more": [1, {"a": None}]} for number in range(9)
]


def entries(file):
    broken = {}
    return list(read_entries(file, broken.__setitem__)), broken


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_is_read_in_pieces_of_any_size(tmp_path, monkeypatch, chunk, indent):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(ITEMS, indent=indent, ensure_ascii=False), encoding="utf-8")
    assert read_first_entry(file) == ("list", ITEMS[0])
    monkeypatch.setattr(json_entries, "_CHUNK", chunk)
    if chunk == 1 and indent is None:
        file.write_text("[12, 345 ,null]")
        assert [entry for _, entry in entries(file)[0]] == [12, 345, None]
        return
    read, broken = entries(file)
    assert (read, broken) == (
        [(f"a.json, item {number}", item) for number, item in enumerate(ITEMS, 1)],
        {},
    )


def test_annotations_are_a_list_within_an_object(tmp_path):
    file = tmp_path / "filter_cap.json"
    file.write_text(json.dumps({"annotations": ITEMS}))
    assert read_first_entry(file) == ("annotations", ITEMS[0])
    assert [entry for _, entry in entries(file)[0]] == ITEMS


def test_lines_are_known_whatever_the_file_is_called(tmp_path):
    file = tmp_path / "a.json"
    file.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    assert read_first_entry(file) == ("lines", ITEMS[0])
    assert entries(file)[0][-1] == ("a.json, line 9", ITEMS[-1])


@pytest.mark.parametrize("content", ['[{"a": 1}, {"a": ', '[{"a": 1}', '[{"a": 1}, {"a": x}]'])
def test_a_list_that_is_cut_off_is_named_with_the_item(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=r"a.json is damaged or cut off at item [12] \(.+\); fetch"):
        entries(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; fill it"),
        (b"[]", "holds no entries; fill it"),
        (b"{\n}\n", "neither a JSON list nor one JSON object per line: line 1 is no JSON"),
        (b'[{"a": "\xff"}]', "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path, content, sentence):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read_first_entry(tmp_path / "a.json")
