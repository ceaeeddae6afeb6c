from tests.training.datasets.folders import audiocaps
from tests.training.datasets.reading import read
from videollama.training.datasets.record import Turn


def test_sounds_are_found_under_the_names_of_several_downloaders(tmp_path):
    folder = audiocaps(tmp_path / "audiocaps")
    samples, broken = read(folder)
    assert broken == {}
    assert [sample.media[0].path for sample in samples] == [
        folder / "train" / "r1nicOVtvkQ_130.wav",
        folder / "train" / "58146.wav",
        folder / "audio" / "YvfY_TJq7n_U.wav",
        folder / "audio" / "YvfY_TJq7n_U.wav",
    ]
    assert [sample.split for sample in samples] == ["train", "train", "val", "val"]
    assert samples[0].turns == (Turn("<audio>", "A woman talks nearby as water pours"),)


def test_a_sound_that_is_not_there_has_a_name_all_the_same(tmp_path):
    folder = audiocaps(tmp_path / "audiocaps")
    (folder / "train" / "58146.wav").unlink()
    samples, _ = read(folder)
    assert samples[1].media[0].path == folder / "UDGBjjwyaqE_20.wav"
