import json

import pytest

from tests.training.datasets.folders import COCO_CHAT, WRITERS, question_table
from tests.training.datasets.reading import read
from videollama.errors import DataError
from videollama.training.datasets.source import open_source


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_recognised_and_its_media_found(tmp_path, name):
    folder = WRITERS[name](tmp_path / "data")
    assert {file.format.name for file in open_source(folder).files} == {name}
    samples, broken = read(folder)
    assert broken == {}
    assert all(medium.path.exists() for sample in samples for medium in sample.media)


def test_llava_data_with_folders_in_their_names_are_conversations(tmp_path):
    item = {"image": "coco/train2017/000000033471.jpg", "conversations": COCO_CHAT}
    (tmp_path / "mix665k.json").write_text(json.dumps([item]))
    (file,) = open_source(tmp_path).files
    assert file.format.name == "conversations"


def test_two_formats_in_a_folder_are_refused(tmp_path):
    WRITERS["conversations"](tmp_path / "data")
    (tmp_path / "data" / "more.csv").write_text("file,question,answer\na.mp4,What?,A dog.\n")
    with pytest.raises(DataError) as refusal:
        open_source(tmp_path / "data")
    assert str(refusal.value) == (
        f"{tmp_path / 'data'} holds more than one format: data.jsonl (conversations), more.csv "
        "(question table); name one of the files."
    )
    assert len(open_source(tmp_path / "data" / "more.csv").files) == 1


def test_a_file_of_two_formats_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("file,question,answer,videoid,page_dir,name\n1,2,3,4,5,6\n")
    with pytest.raises(DataError, match="has the fields of WebVid and of question table; leave"):
        open_source(tmp_path)


def test_a_slip_in_a_column_is_told_with_the_nearest_name(tmp_path):
    (tmp_path / "a.csv").write_text("vidoid,page_dir,name\n1,2,3\n")
    with pytest.raises(DataError) as refusal:
        open_source(tmp_path)
    assert str(refusal.value) == (
        f"{tmp_path / 'a.csv'} is in no known format: its columns are vidoid, page_dir, name; the "
        "nearest is WebVid with videoid, page_dir, name, of which videoid is missing; 'vidoid' "
        "may be a slip for 'videoid'."
    )


def test_without_any_likeness_all_formats_are_told(tmp_path):
    (tmp_path / "a.csv").write_text("q,a\n1,2\n")
    with pytest.raises(
        DataError, match="WebVid has videoid, page_dir, name; AudioCaps has audiocap"
    ):
        open_source(tmp_path)


def test_unknown_files_beside_known_ones_are_told(tmp_path):
    folder = question_table(tmp_path / "data")
    (folder / "package.json").write_text('{"name": "demo"}')
    source = open_source(folder)
    assert [file.path.name for file in source.files] == ["questions.csv"]
    assert list(source.unread) == [folder / "package.json"]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no .csv, .tsv, .json, .jsonl, .tar with annotations; name the file or its"),
        ({"a.json": "[1]"}, "a.json is in no known format: its first entry has no fields"),
        ({"train.csv": "file,question,answer\na.mp4,,A dog.\n", "val.csv": "file,question,answer"},
         "val.csv holds no rows; fill it, or take it out of the folder"),
    ],
)  # fmt: skip
def test_a_folder_without_samples_is_refused(tmp_path, files, sentence):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=sentence):
        open_source(tmp_path)


def test_places_that_are_none_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist; name a folder with annotations"):
        open_source(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(DataError, match=r"notes\.txt ends in none of \.csv"):
        open_source(tmp_path / "notes.txt")
    with pytest.raises(DataError, match="is no folder; name the one with the media"):
        open_source(question_table(tmp_path / "data"), tmp_path / "none")
