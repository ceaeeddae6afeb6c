from tests.training.datasets.folders import CHAT, llava_cc3m
from tests.training.datasets.reading import read
from videollama.training.datasets.record import Turn
from videollama.training.datasets.source import open_source


def test_chat_json_is_read_and_metadata_json_left_out(tmp_path):
    folder = llava_cc3m(tmp_path / "cc3m")
    (sample,), broken = read(folder)
    assert broken == {}
    assert sample.turns == (Turn(CHAT[0]["value"], CHAT[1]["value"]),)
    assert sample.media[0].path == folder / "GCC_train_002582585.jpg"
    assert list(open_source(folder).unread) == [folder / "metadata.json"]


def test_metadata_json_alone_gives_captions(tmp_path):
    folder = llava_cc3m(tmp_path / "cc3m")
    (sample,), _ = read(folder / "metadata.json")
    assert sample.turns == (Turn("<image>", CHAT[1]["value"]),)


def test_pictures_may_lie_in_images(tmp_path):
    folder = llava_cc3m(tmp_path / "cc3m")
    (folder / "images").mkdir()
    (folder / "GCC_train_002582585.jpg").rename(folder / "images" / "GCC_train_002582585.jpg")
    (sample,), _ = read(folder)
    assert sample.media[0].path.exists()
