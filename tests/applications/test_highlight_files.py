import json
import re

import av
import pytest

from tests.applications.test_highlights import moment
from tests.synthetic import two_scenes, write_frames
from videollama.applications.highlight_files import require_free_places, timecode, write_cut
from videollama.applications.highlights import Highlights
from videollama.errors import OutputError
from videollama.media.overview import look_over


@pytest.fixture
def film(tmp_path):
    """Red, and blue from frame 23 on: a moment that is found one look late. Ten frames a second."""
    frames = two_scenes(40)
    return write_frames(tmp_path / "films" / "film.mp4", [*frames[:1] * 23, *frames[-1:] * 27])


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "films").mkdir()


def highlights(film, *moments):
    return Highlights(str(film), "blue", 5.0, moments, moments)


def test_a_cut_comes_with_its_account_and_an_edit_list(film, tmp_path):
    overview = look_over(film)
    [border] = overview.cuts_seconds
    chosen = highlights(film, moment(0.5, 1.5, 0.25), moment(border, 4.0, 2))
    files = write_cut(chosen, overview, tmp_path / "cut.mp4")
    account = json.loads((tmp_path / "cut.json").read_text())
    assert [each["frames"] for each in account["moments"]] == [[5, 15], [23, 40]]
    assert [each["cut_seconds"] for each in account["moments"]] == [0.0, 1.0]
    assert account["moments"][1]["score"] == 2
    assert account["cut_seconds"] == pytest.approx(2.7)
    lines = (tmp_path / "cut.edl").read_text().splitlines()
    assert lines[:2] == ["TITLE: film", "FCM: NON-DROP FRAME"]
    events = [line for line in lines if re.match(r"\d{3} ", line)]
    assert events == [
        "001  AX       V     C        00:00:00:05 00:00:01:05 00:00:00:00 00:00:01:00",
        "002  AX       V     C        00:00:02:03 00:00:04:00 00:00:01:00 00:00:02:07",
    ]
    assert "* FROM CLIP NAME: film.mp4" in lines
    with av.open(str(files.video)) as container:
        colours = [
            f.to_ndarray(format="rgb24").mean(axis=(0, 1)) for f in container.decode(video=0)
        ]
    assert [c[0] > 128 for c in colours] == [True] * 10 + [False] * 17  # no frame of another scene
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "cut.edl", "cut.json", "cut.mp4", "films",
    ]  # fmt: skip


def test_moments_that_follow_each_other_are_not_cut_apart(film, tmp_path):
    chosen = highlights(film, moment(0, 2, 1), moment(2, 5, 1))
    assert write_cut(chosen, look_over(film), tmp_path / "cut.mkv").is_copied


def test_a_border_that_is_sought_again_makes_no_cut_too_long(film, tmp_path):
    overview = look_over(film)
    [border] = overview.cuts_seconds
    chosen = Highlights(str(film), "blue", 2.0, (moment(border, border + 2, 1),), ())
    [event] = write_cut(chosen, overview, tmp_path / "cut.mp4").events
    assert event.frames == (23, 43)


def test_places_that_take_no_cut_are_refused(film, tmp_path):
    (tmp_path / "taken.json").write_text("{}")
    for place, sentence in {
        film: "is the film itself",
        tmp_path / "taken.mp4": r"taken\.json exists already; choose another name or add --over",
        tmp_path / "cut.avi": "use .mp4 or .mkv",
        film / "cut.mp4": "could not be written",
    }.items():
        with pytest.raises(OutputError, match=sentence):
            require_free_places(film, place, overwrite=False)
    require_free_places(film, tmp_path / "taken.mp4", overwrite=True)


def test_a_time_code_counts_frames():
    assert timecode(0, 25) == "00:00:00:00"
    assert timecode((3600 + 65) * 25 + 12, 25) == "01:01:05:12"
