import pytest

from videollama.errors import DataError
from videollama.media.labelled_sounds import read_sounds


def write_sounds(folder, *folds):
    rows = [f"{i}.ogg,{fold},7,dog" for i, fold in enumerate(folds)]
    (folder / "labels.csv").write_text("\n".join(["file,fold,class_id,label", *rows]))
    return folder


def test_a_wrong_folder_says_what_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"labels\.csv does not exist"):
        read_sounds(tmp_path)


def test_folds(tmp_path):
    write_sounds(tmp_path, 1, 2, 4, 5, 4)
    assert [s.path.name for s in read_sounds(tmp_path)[0]] == ["2.ogg", "4.ogg"]
    assert read_sounds(tmp_path, "5")[1] == "5"
    assert read_sounds(write_sounds(tmp_path, 1, 5))[1] == "5"
    with pytest.raises(DataError, match="choose one with --fold"):
        read_sounds(write_sounds(tmp_path, 1, 2))
    with pytest.raises(DataError, match="no fold '9'"):
        read_sounds(tmp_path, "9")


def test_labels_with_commas_and_bad_tables(tmp_path):
    (tmp_path / "labels.csv").write_text(
        'file,fold,class_id,label\na.ogg,4,1,"door, wood creaks"\n'
    )
    assert read_sounds(tmp_path)[0][0].label == "door, wood creaks"
    (tmp_path / "labels.csv").write_text("file,label\na.ogg,dog\n")
    with pytest.raises(DataError, match="no column fold"):
        read_sounds(tmp_path)
    (tmp_path / "labels.csv").write_text("file,fold,label\na.ogg,4\n")
    with pytest.raises(DataError, match="line 2"):
        read_sounds(tmp_path)
