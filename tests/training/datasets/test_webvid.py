from tests.training.datasets.folders import webvid
from tests.training.datasets.reading import read
from videollama.training.datasets.record import Medium, Turn


def test_a_row_is_a_video_with_a_caption(tmp_path):
    samples, broken = read(webvid(tmp_path / "webvid"))
    assert broken == {}
    page = tmp_path / "webvid" / "videos" / "000001_000050"
    assert samples[0].media == (Medium("video", page / "1066674784.mp4"),)
    assert samples[0].turns == (Turn("<video>", "Aerial shot, winter forest"),)
    assert (samples[1].origin, samples[1].split) == ("0.tsv, line 3", "train")


def test_videos_may_lie_elsewhere(tmp_path):
    folder = webvid(tmp_path / "webvid")
    samples, _ = read(folder / "filter_annotation", folder / "videos")
    assert all(sample.media[0].path.exists() for sample in samples)


def test_an_empty_cell_is_named(tmp_path):
    (tmp_path / "results_2M_val.csv").write_text(
        "videoid,page_dir,name\n1,000001_000050,\n2,000001_000050,A man\n"
    )
    samples, broken = read(tmp_path)
    assert [sample.split for sample in samples] == ["val"]
    assert broken == {"results_2M_val.csv, line 2": "field 'name' holds no text: ''"}
