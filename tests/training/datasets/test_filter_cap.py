import json

from tests.training.datasets.folders import filter_cap
from tests.training.datasets.reading import read
from videollama.training.datasets.record import Medium, Turn


def test_an_annotation_is_a_picture_with_a_caption(tmp_path):
    (sample,), broken = read(filter_cap(tmp_path / "cc"))
    assert broken == {}
    assert sample.media == (Medium("image", tmp_path / "cc" / "image" / "2.jpg"),)
    assert sample.turns == (Turn("<image>", "The image shows a man fishing on a lawn."),)
    assert sample.origin == "filter_cap.json, item 1"


def test_a_missing_field_is_named(tmp_path):
    notes = [{"image_id": 7, "caption": "A dog."}, {"image_id": "8", "captions": "A cat."}]
    (tmp_path / "filter_cap.json").write_text(json.dumps({"annotations": notes}))
    (sample,), broken = read(tmp_path)
    assert sample.media[0].path == tmp_path / "image" / "7.jpg"
    assert broken == {"filter_cap.json, item 2": "has no field 'caption', only image_id, captions"}
