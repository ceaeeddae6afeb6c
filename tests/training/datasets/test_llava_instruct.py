from tests.training.datasets.folders import llava_instruct
from tests.training.datasets.reading import read


def test_pictures_have_their_names_of_2014(tmp_path):
    folder = llava_instruct(tmp_path / "llava")
    (sample,), broken = read(folder)
    assert broken == {}
    path = folder / "train2014" / "COCO_train2014_000000033471.jpg"
    assert [(medium.kind, medium.path) for medium in sample.media] == [("image", path)]
    assert [turn.answer[:12] for turn in sample.turns] == ["The bus in t", "The back of "]
    assert sample.turns[1].question == "What feature can be seen on the back of the bus?"


def test_or_those_of_2017(tmp_path):
    folder = llava_instruct(tmp_path / "llava")
    (folder / "train2014").rename(folder / "train2017")
    newer = folder / "train2017" / "000000033471.jpg"
    (folder / "train2017" / "COCO_train2014_000000033471.jpg").rename(newer)
    (sample,), _ = read(folder)
    assert sample.media[0].path == newer
