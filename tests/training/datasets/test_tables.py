import pytest

from videollama.errors import DataError
from videollama.training.datasets.tables import read_header, read_rows


def rows(file):
    broken = {}
    return list(read_rows(file, broken.__setitem__)), broken


def test_commas_and_tabs_are_told_apart_by_the_first_line(tmp_path):
    (tmp_path / "a.tsv").write_text("file\tanswer\na.mp4\tred, blue\n")
    (tmp_path / "b.tsv").write_text("file,answer\na.mp4,red\tblue\n")
    assert read_header(tmp_path / "a.tsv") == ("file", "answer")
    assert rows(tmp_path / "a.tsv")[0][0][1] == {"file": "a.mp4", "answer": "red, blue"}
    assert rows(tmp_path / "b.tsv")[0][0][1] == {"file": "a.mp4", "answer": "red\tblue"}


def test_a_row_over_several_lines_stands_where_it_begins(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b'\xef\xbb\xbffile,answer\r\na,"two\r\nlines"\r\n\r\nb,one\r\n')
    assert [origin for origin, _ in rows(file)[0]] == ["a.csv, line 2", "a.csv, line 5"]


def test_a_quotation_mark_too_much_is_named_and_the_rest_read(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text('file,answer\na,"red" dog\nb,two\n')
    good, broken = rows(file)
    assert [row["file"] for _, row in good] == ["b"]
    assert "a quotation mark is probably missing" in broken["a.csv, line 2"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"file,answer\n\n", "holds no rows; fill it"),
        (b"", "holds no rows; fill it"),
        (b"file,answer\n\xff\xfe,b\n", "is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, content, sentence):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read_header(tmp_path / "a.csv")


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_header(tmp_path / "a.csv")
