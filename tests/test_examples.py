"""Every script in examples/ runs on what a test can make."""

import hashlib
import runpy
import sys
from pathlib import Path

import pytest

from tests.synthetic import write_picture, write_sound
from videollama.media.decode import read_clip

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def photo(tmp_path):
    """A picture in place of the one that comes from the package index."""
    return write_picture(tmp_path / "camera.png", size=(240, 320))


def run(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    return runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_the_demo_clip_has_picture_and_sound(monkeypatch, tmp_path, photo):
    """The photograph is found beside the clip, so nothing is fetched."""
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    names = runpy.run_path(str(EXAMPLES / "make_demo_clip.py"))
    monkeypatch.setitem(names["PHOTOS"], "camera", digest)
    monkeypatch.setattr(sys, "argv", ["make_demo_clip.py", str(tmp_path / "clip.mp4")])
    names["main"]()
    clip = read_clip(tmp_path / "clip.mp4")
    assert clip.duration_seconds == pytest.approx(6, abs=0.2)
    assert clip.frames.shape[0] == 8
    assert clip.audio_status == "present"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["camera.png", "clip.mp4"]


def test_another_picture_in_the_wheel_is_refused(monkeypatch, tmp_path):
    import zipfile

    names = runpy.run_path(str(EXAMPLES / "make_demo_clip.py"))

    def download(command, check):
        target = Path(command[command.index("--dest") + 1]) / "scikit_image.whl"
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("skimage/data/camera.png", b"not the photograph")

    monkeypatch.setattr(names["subprocess"], "run", download)
    with pytest.raises(SystemExit, match="holds another picture"):
        names["fetch_photo"]("camera", tmp_path)


def test_own_data_are_rendered_learned_and_asked_before_and_after(
    monkeypatch, tmp_path, capsys, tiny_model, tiny_processor
):
    names = runpy.run_path(str(EXAMPLES / "make_shapes.py"))
    monkeypatch.setitem(names["main"].__globals__, "SPLITS", {"train": 2, "val": 1, "test": 1})
    monkeypatch.setattr(sys, "argv", ["make_shapes.py", str(tmp_path / "shapes")])
    names["main"]()
    tiny_model.save_pretrained(tmp_path / "model")
    tiny_processor.save_pretrained(tmp_path / "model")
    values = {
        "model.load": tmp_path / "model",
        "data.cache": tmp_path / "cache",
        "samples.num_frames": 2,
        "training.max_steps": 1,
        "training.batch_size": 2,
        "training.precision": "float32",
    }
    pairs = [f"{key}={value}" for key, value in values.items()]
    run(monkeypatch, "finetune_on_own_data.py", tmp_path / "shapes", tmp_path / "run", *pairs)
    told = capsys.readouterr().out
    for when in ("before", "after"):
        assert (
            f"{when}: answer exact 0 %, answer contained 0 % of 2 questions of split test" in told
        )
    assert (tmp_path / "run" / "model" / "config.json").exists()


def test_sounds_are_classified_by_their_vectors(monkeypatch, tmp_path, assistant, capsys):
    """Folds 1 to 3 with a hum and a whistle each, another of both in fold 4."""
    from videollama import VideoLlama

    (tmp_path / "audio").mkdir()
    lines = ["file,fold,class_id,label"]
    for fold in "1234":
        for label, pitch in (("hum", 100), ("whistle", 3000)):
            name = f"{fold}-{label}.wav"
            write_sound(tmp_path / "audio" / name, pitch=pitch + int(fold))
            lines.append(f"{name},{fold},0,{label}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    monkeypatch.setattr(VideoLlama, "load", lambda **_: assistant)
    run(monkeypatch, "classify_sounds.py", tmp_path)
    assert capsys.readouterr().out == "100.0% of 2 sounds named rightly, 2 names\n"
