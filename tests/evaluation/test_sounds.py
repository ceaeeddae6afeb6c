import pytest

from tests.evaluation.conftest import scene_of
from videollama.errors import DataError
from videollama.evaluation.sounds import SoundsTask


def answers_for(task, **by_group):
    return [by_group.get(sample.group.replace(" ", "_"), sample.truth) for sample in task.samples]


def test_sound_files_and_clips_without_sound(sound_folder):
    task = SoundsTask(sound_folder)
    assert task.source == "fold 4"
    assert [s.truth for s in task.samples[:4]] == ["dog", "rain", "door, wood creaks", "train"]
    groups = [sample.group for sample in task.samples]
    assert (groups.count("named"), groups.count("no audio track"), groups.count("silent")) == (
        4,
        60,
        30,
    )
    kinds = {s.group: s.open_clip() for s in reversed(task.samples)}
    assert kinds["named"].kind == "audio"
    assert kinds["no audio track"].audio_status == "absent"
    assert kinds["no audio track"].waveform is None
    assert kinds["silent"].audio_status == "silent"
    assert kinds["silent"].duration_seconds == pytest.approx(4.0, abs=0.2)
    assert [len(kinds[group].frames) for group in ("no audio track", "silent")] == [8, 8]


def test_clips_without_sound_show_the_photos_that_are_given(sound_folder, photo_folder):
    task = SoundsTask(sound_folder, photos=photo_folder, num_frames=2)
    assert task.source == "fold 4, photos of split val"
    mute = [sample.open_clip() for sample in task.samples if sample.group != "named"][:12]
    assert {scene_of(clip.frames[0]) for clip in mute} == {"dog", "car", "boat"}
    assert mute[0].frames.shape == (2, 24, 32, 3)
    assert {clip.kind for clip in mute} == {"video"}


def test_right_answers_score_100_and_each_group_counts_for_itself(sound_folder):
    task = SoundsTask(sound_folder)
    right = answers_for(task, no_audio_track="There is no audio track.", silent="Silence.")
    assert task.judge(task.samples, right).numbers == {
        "sound named": 100.0,
        "no audio track said": 100.0,
        "silence said": 100.0,
    }
    barking = task.judge(task.samples, ["I hear a dog barking."] * len(task.samples))
    assert list(barking.numbers.values()) == [25.0, 0.0, 0.0]


def test_naming_two_classes_names_none(sound_folder):
    task = SoundsTask(sound_folder)
    scores = task.judge(task.samples[:1], ["A dog barking or rain falling."])
    assert scores.numbers == {"sound named": 0.0}


def test_a_label_outside_the_table_is_refused(sound_folder):
    with (sound_folder / "labels.csv").open("a") as file:
        file.write("9.wav,4,9,kazoo\n")
    with pytest.raises(DataError, match="label 'kazoo'"):
        SoundsTask(sound_folder)
