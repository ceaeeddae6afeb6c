import json

import pytest

from videollama.errors import DataError
from videollama.media.captioned_photos import read_photos, tidy_caption


def write_photos(folder, *splits):
    folder.mkdir(exist_ok=True)
    rows = [
        {"image": f"{i}.jpg", "split": s, "captions": ["A dog ."]} for i, s in enumerate(splits)
    ]
    (folder / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_val_is_the_usual_split(tmp_path):
    photos, split = read_photos(write_photos(tmp_path, "train", "val", "test", "val"))
    assert split == "val"
    assert [photo.path for photo in photos] == [
        tmp_path / "images" / "1.jpg",
        tmp_path / "images" / "3.jpg",
    ]
    assert photos[0].captions == ("A dog.",)


def test_a_folder_with_test_photos_only_needs_no_option(tmp_path):
    assert read_photos(write_photos(tmp_path, "test", "test"))[1] == "test"
    assert read_photos(write_photos(tmp_path, "train", "test"))[1] == "test"


def test_a_split_can_be_chosen(tmp_path):
    photos, split = read_photos(write_photos(tmp_path, "train", "val"), "train")
    assert (len(photos), split) == (1, "train")


@pytest.mark.parametrize(
    ("splits", "wanted", "message"),
    [
        (("train", "val"), "test", r"no split 'test'; it has: train \(1\), val \(1\)"),
        (("train",), None, "choose one with --split"),
        (("dev", "test"), None, "choose one with --split"),
        ((), None, "none"),
    ],
)
def test_an_unclear_split_is_refused(tmp_path, splits, wanted, message):
    with pytest.raises(DataError, match=message):
        read_photos(write_photos(tmp_path, *splits), wanted)


@pytest.mark.parametrize(
    "line", ['{"image": "a.jpg"}', "[1]", "nonsense", '{"image":"a","split":"val","captions":[]}']
)
def test_a_malformed_line_is_named(tmp_path, line):
    write_photos(tmp_path, "val")
    with (tmp_path / "captions.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match="line 2"):
        read_photos(tmp_path)


def test_a_wrong_folder_says_what_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"captions\.jsonl does not exist; name the folder"):
        read_photos(tmp_path)


def test_tidy_caption():
    assert tidy_caption("A man 's dog , running .") == "A man's dog, running."
    assert tidy_caption("  ") == ""
