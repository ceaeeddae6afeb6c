import av
import pysubs2
import pytest

from tests.cli.command import videollama
from tests.synthetic import two_scenes, write_clip, write_frames, write_picture
from videollama.applications import subtitles


@pytest.fixture
def film(tmp_path):
    """Two scenes of 2.5 s without sound."""
    return write_frames(tmp_path / "film.mp4", two_scenes(50))


@pytest.mark.parametrize("suffix", ["vtt", "srt", "ass"])
def test_subtitles_are_written(capsys, loaded, film, tmp_path, suffix):
    output = tmp_path / f"film.{suffix}"
    shown = videollama(capsys, "subtitle", film, "-o", output, "--frames", 2, "-q")
    assert (shown.code, shown.out, shown.err) == (0, f"{output}\n", "")
    events = pysubs2.load(str(output), encoding="utf-8").events
    assert events
    assert all(1000 <= event.duration <= 7000 for event in events)


def test_a_transcript_is_joined(capsys, loaded, film, tmp_path):
    speech, output = tmp_path / "speech.srt", tmp_path / "film.srt"
    speech.write_text("1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n", encoding="utf-8")
    shown = videollama(
        capsys, "subtitle", film, "-o", output, "--transcript", speech, "--frames", 2, "-q"
    )
    assert (shown.code, shown.err) == (0, "")
    events = pysubs2.load(str(output), encoding="utf-8").events
    assert (0, 1000, "Good morning.") in [
        (event.start, event.end, event.plaintext) for event in events
    ]


def test_a_copy_of_the_video_gets_a_track(capsys, loaded, tmp_path):
    clip = write_clip(tmp_path / "a.mp4", seconds=3.0)
    output = tmp_path / "b.mkv"
    shown = videollama(capsys, "subtitle", clip, "--soft-mux", output, "--frames", 2)
    assert (shown.code, shown.out) == (0, f"{output}\n")
    with av.open(str(output)) as copy:
        assert [stream.type for stream in copy.streams] == ["video", "audio", "subtitle"]


def test_subtitles_are_drawn_into_the_picture(capsys, loaded, film, tmp_path, monkeypatch):
    cues = [subtitles.Cue(0.0, 2.0, "A dog.")]
    monkeypatch.setattr(subtitles, "subtitle_cues", lambda *_: cues)
    output = tmp_path / "shown.mp4"
    shown = videollama(capsys, "subtitle", film, "--burn-in", output, "--frames", 2, "-q")
    assert (shown.code, shown.out, shown.err) == (0, f"{output}\n", "")
    with av.open(str(output)) as copy:
        assert [stream.type for stream in copy.streams] == ["video"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--burn-in", "a.avi"), "a.avi is not a name for a video with subtitles; use"),
        (("--burn-in", "a.mp4", "--font", "b.ttf"), "b.ttf is no font that can be read"),
        ((), "Nothing is to be written; name a file: videollama subtitle clip.mp4 -o clip.vtt"),
        (("-o", "a.txt"), "a.txt is not a name for subtitles; end it in .vtt, .srt or .ass."),
        (("--soft-mux", "a.avi"), "a.avi is not a name for a video with subtitles; use"),
        (("--soft-mux", "film.mp4"), "film.mp4 is the file that is read; choose another name."),
        (("-o", "a.vtt", "--transcript", "speech.srt"), "speech.srt is no transcript that can"),
        (("-o", "film.mp4/a.vtt"), "a.vtt could not be written: a file of that name is in"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_model_is_loaded(
    capsys, loaded, film, tmp_path, monkeypatch, words, sentence
):
    monkeypatch.chdir(tmp_path)
    before = film.read_bytes()
    shown = videollama(capsys, "subtitle", film, *words)
    assert shown.code == 2
    assert sentence in shown.err
    assert len(shown.err.splitlines()) == 1
    assert loaded == []
    assert film.read_bytes() == before
    assert list(tmp_path.iterdir()) == [film]


def test_a_font_without_a_picture_to_draw_into_is_refused(capsys, loaded, film, tmp_path):
    output = tmp_path / "film.srt"
    shown = videollama(capsys, "subtitle", film, "-o", output, "--font", tmp_path / "b.ttf")
    assert shown.code == 2
    told = " ".join(shown.err.split())
    assert told == (
        f"--font {tmp_path / 'b.ttf'} has no effect without --burn-in; players choose the letters "
        "of subtitle files and tracks."
    )
    assert (loaded, output.exists()) == ([], False)


def test_a_picture_is_refused(capsys, loaded, tmp_path):
    shown = videollama(
        capsys, "subtitle", write_picture(tmp_path / "a.png"), "-o", tmp_path / "a.vtt"
    )
    assert shown.code == 2
    assert "a.png is a picture; only videos and sounds have subtitles." in shown.err
    assert not (tmp_path / "a.vtt").exists()


def test_a_bad_file_is_told_before_the_model_is_loaded(capsys, loaded, tmp_path):
    (tmp_path / "b.mp4").write_text("this is text")
    shown = videollama(capsys, "subtitle", tmp_path / "b.mp4", "-o", tmp_path / "b.vtt")
    assert shown.code == 2
    assert "b.mp4 is not a video, image or sound" in shown.err
    assert loaded == []
    assert not (tmp_path / "b.vtt").exists()
