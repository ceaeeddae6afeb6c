from tests.training.datasets.folders import question_table
from tests.training.datasets.reading import read
from videollama.training.datasets.record import Turn


def test_the_suffix_tells_the_kind(tmp_path):
    samples, broken = read(question_table(tmp_path / "mine"))
    assert broken == {}
    assert [sample.media[0].kind for sample in samples] == ["video", "image", "audio"]
    assert [sample.split for sample in samples] == ["train", "train", "val"]
    assert samples[1].turns == (Turn("<image>\nWhat colour, please?", "Yellow."),)
    assert samples[2].turns == (Turn("<audio>", "A tone."),)


def test_a_broken_row_is_named(tmp_path):
    (tmp_path / "questions.csv").write_text(
        "file,question,answer\na.txt,What?,A dog.\na.mp4,What?,\nb.mp4,What?\n"
        "https://example.org/c.mp4,What?,A cat.\nd.mp4,What?,A cow.\n"
    )
    (sample,), broken = read(tmp_path)
    assert sample.origin == "questions.csv, line 6"
    assert broken == {
        "questions.csv, line 2": "a.txt ends in .txt, which no video, picture or sound does",
        "questions.csv, line 3": "field 'answer' holds no text: ''",
        "questions.csv, line 4": "has 2 cells, the first line 3",
        "questions.csv, line 5": "https://example.org/c.mp4 is an address; only local files are "
        "read: download it.",
    }
