"""Features that are built before the training: in parts, again after a kill, and what they hold."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from videollama.errors import DataError, OutputError, RecipeError
from videollama.training.finetuning import feature_build
from videollama.training.finetuning.clip_features import ClipEncoder
from videollama.training.finetuning.feature_build import build_features
from videollama.training.finetuning.frozen_frames import frozen_frames, video_of_frozen
from videollama.training.finetuning.trainable_model import load_trainable
from videollama.training.run import train


def kept_files(folder):
    return sorted(file.name for file in folder.rglob("*.safetensors") if file.name[0] != ".")


def test_parts_are_disjoint_and_the_training_finds_all_of_them(
    tmp_path, own_folder, make_finetune, lines
):
    recipe = make_finetune(training__max_steps=1)
    parts = [
        build_features(recipe, own_folder, part=(number, 2), report=lines) for number in (1, 2)
    ]
    assert [(part.files, part.kept, part.encoded) for part in parts] == [(3, 0, 3), (2, 0, 2)]
    assert len(kept_files(tmp_path / "cache")) == 5
    lines.clear()
    train(recipe, own_folder, tmp_path / "run", report=lines)
    assert not any("to encode" in line for line in lines)
    again = build_features(recipe, own_folder, report=lines)
    assert (again.kept, again.encoded) == (5, 0)


def test_size_and_time_are_told_before_most_files_are_encoded(
    tmp_path, own_folder, make_finetune, lines, monkeypatch
):
    monkeypatch.setattr(feature_build, "_MEASURED", 2)
    recipe = make_finetune()
    told = build_features(recipe, own_folder, measure_only=True, report=lines)
    sizes = [file.stat().st_size for file in (tmp_path / "cache").rglob("*.safetensors")]
    assert told.encoded == len(sizes) < told.files == 5
    assert told.estimated_bytes == sum(sizes) * 5 // len(sizes)
    assert told.estimated_seconds > 0
    assert "files are left" in lines[-1]
    monkeypatch.setattr(feature_build.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(OutputError, match=r"has 0\.0 GB left and the features take about"):
        build_features(make_finetune(data__cache=str(tmp_path / "full")), own_folder, report=lines)


DIES_AT_THE_THIRD_FILE = """
import os, signal, sys
from pathlib import Path
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning import clip_features, feature_build

write, written = clip_features.save_file, []

def write_and_die(tensors, draft, metadata):
    write(tensors, draft, metadata=metadata)
    written.append(draft)
    if len(written) == 3:
        os.truncate(draft, os.path.getsize(draft) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

clip_features.save_file = write_and_die
recipe = FinetuneRecipe.model_validate_json(sys.argv[1])
feature_build.build_features(recipe, Path(sys.argv[2]), report=print)
"""


def test_a_build_killed_in_the_middle_of_a_file_goes_on(tmp_path, own_folder, make_finetune, lines):
    recipe = make_finetune()
    command = [sys.executable, "-c", DIES_AT_THE_THIRD_FILE, recipe.model_dump_json(), own_folder]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == -9
    assert len(kept_files(tmp_path / "cache")) == 2
    built = build_features(recipe, own_folder, report=lines)
    assert (built.kept, built.encoded) == (2, 3)


def test_unusable_files_are_named_up_to_the_limit(tmp_path, own_folder, make_finetune, lines):
    rows = (own_folder / "questions.csv").read_text()
    for file in own_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "f.mp4").write_bytes(b"no video")
    (tmp_path / "questions.csv").write_text(f"{rows}f.mp4,What?,This.,train\n")
    built = build_features(make_finetune(), tmp_path, report=lines)
    assert [file.path.name for file in built.broken] == ["f.mp4"]
    assert built.to_dict()["broken"][str(tmp_path / "f.mp4")].startswith(str(tmp_path))
    with pytest.raises(DataError, match=r"1 training samples are broken, more than data\.max_b"):
        build_features(make_finetune(data__max_broken=0), tmp_path, report=lines)


def test_a_recipe_that_draws_frames_has_nothing_to_keep(own_folder, make_finetune, lines):
    with pytest.raises(RecipeError, match=r"set data\.keep_features=true and samples\.frames="):
        build_features(make_finetune(samples__frames="headtail"), own_folder, report=lines)


def test_what_is_kept_of_the_released_family_is_what_its_image_qformer_gives(
    tmp_path, own_folder, make_finetune, released_folder, lines
):
    recipe = make_finetune(model__load=str(released_folder), model__branch="video")
    build_features(recipe, own_folder, report=lines)
    model, processor = load_trainable(recipe)
    encoder = ClipEncoder(model, processor, recipe)
    pixels = torch.rand(2, 3, 3, 28, 28)
    shown = torch.tensor([[True, True, True], [True, False, False]])
    with torch.no_grad():
        kept = frozen_frames(model, pixels)
        whole = model.encode_video(model.encode_frames(pixels), shown)
        assert kept.shape == (2, 3, 2, 32)
        torch.testing.assert_close(video_of_frozen(model, kept, shown), whole)
    assert kept_files(tmp_path / "cache")
    assert encoder.folder == next((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("sound", ["frames", "file"])
def test_the_audio_branch_of_the_released_family_learns_from_frames_and_from_sounds(
    tmp_path, own_folder, make_finetune, released_folder, lines, sound
):
    recipe = make_finetune(
        model__load=str(released_folder),
        model__branch="audio",
        samples__sound=sound,
        data__max_broken=1,  # the sound has no frames
        training__max_steps=2,
    )
    finished = train(recipe, own_folder, tmp_path / "run", report=lines)
    assert (finished.steps, finished.num_broken) == (2, 1 if sound == "frames" else 0)
    before, learned = load_file(released_folder / "model.safetensors"), load_file(finished.weights)
    for name in ("audio_projection.weight", "audio_query_tokens"):
        assert not torch.equal(learned[name], before[name]), name
    features = [load_file(file) for file in (tmp_path / "cache").rglob("*.safetensors")]
    lengths = {
        float(f["segments"].float().norm(dim=-1).mean()) for f in features if "segments" in f
    }
    assert lengths
    expected = 1.0 if sound == "frames" else 20.0
    assert all(length == pytest.approx(expected, rel=1e-2) for length in lengths)
