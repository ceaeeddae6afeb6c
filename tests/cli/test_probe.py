import json

from PIL import Image

from tests.cli.command import videollama
from tests.synthetic import two_scenes, write_frames, write_picture, write_sound


def test_probe_prints_what_the_model_would_get(capsys, clip_file):
    shown = videollama(capsys, "probe", clip_file, "--frames", 4)
    assert shown.code == 0
    assert "video: h264 96x64 yuv420p" in shown.out
    assert "audio: aac 16000 Hz, mono" in shown.out
    assert "sees      4 frames at 0.00, 0.50, 1.00, 1.50 s" in shown.out
    assert "sound     there is sound" in shown.out
    assert "hears     2 segments: 0.00-2.00, " in shown.out


def test_every_scene_gets_frames(capsys, tmp_path):
    pictures = two_scenes(20)[2:] + two_scenes(20)[:1]
    path = write_frames(tmp_path / "a.mp4", pictures)
    shown = videollama(capsys, "probe", path, "--frames", 2, "--sampling", "scenes")
    assert "sees      2 frames at 0.40, 1.30 s" in shown.out
    refused = videollama(capsys, "probe", path, "--fps", 2, "--sampling", "scenes")
    assert refused.err.strip().endswith("leave out the frames per second.")


def test_json_has_the_facts_with_units(capsys, mute_file):
    facts = json.loads(videollama(capsys, "probe", mute_file, "--json", "--start", 1).out)
    assert facts["kind"] == "video"
    assert facts["frame_size"] == [64, 96]
    assert facts["sampled_times_seconds"][0] == 1.0
    assert facts["audio_status"] == "absent"
    assert facts["audio_fact"] == "video has no audio track"
    assert facts["audio_segments_seconds"] == []


def test_the_sheet_is_drawn_in_the_shape_of_the_video(capsys, clip_file, tmp_path):
    sheet = tmp_path / "frames.png"
    shown = videollama(capsys, "probe", clip_file, "--sheet", sheet, "--fps", 2)
    assert f"sheet     {sheet}" in shown.out
    assert "sees      4 frames" in shown.out
    with Image.open(sheet) as image:
        assert image.width > 900


def test_pictures_and_sounds_are_probed_too(capsys, tmp_path):
    picture = videollama(capsys, "probe", write_picture(tmp_path / "a.png"))
    assert "image (png)" in picture.out
    assert "an image has no sound" in picture.out
    sound = videollama(capsys, "probe", write_sound(tmp_path / "a.wav"))
    assert "audio, 2.00 s (wav)" in sound.out
    assert "hears" in sound.out


def test_mistakes_are_one_sentence_and_exit_code_2(capsys, clip_file, tmp_path):
    for words, sentence in (
        ((tmp_path / "none.mp4",), "does not exist; check the name."),
        ((tmp_path,), "is a directory; name a file in it."),
        ((clip_file, "--start", 5, "--end", 4), "choose a later end."),
        ((clip_file, "--start", 50), "choose an earlier start."),
    ):
        shown = videollama(capsys, "probe", *words)
        assert shown.code == 2
        assert shown.err.strip().endswith(sentence)
        assert "Traceback" not in shown.err


def test_one_frame_and_one_segment_are_not_many(capsys, clip_file):
    shown = videollama(capsys, "probe", clip_file, "--end", 1, "--frames", 1)
    assert "sees      1 frame at 0.00 s" in shown.out
    assert "hears     1 segment: 0.00-1.00 s" in shown.out
