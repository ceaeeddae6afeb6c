import pytest
import torch

from videollama.training.broken_samples import BrokenSamples
from videollama.training.preparation import prepare


@pytest.fixture
def photos(data_folder, make_recipe, lines):
    recipe = make_recipe("video_pretrain", words__two_scenes=0.5, training__max_steps=12)
    return prepare(recipe, data_folder, broken=BrokenSamples(0), report=lines)


def test_clips_have_one_scene_or_two_with_the_words_of_each(photos):
    lengths = set()
    for batch in photos.training:
        frames = batch["features"].shape[1]
        lengths.add(frames)
        first, second = batch["word_shares"][:, 0], batch["word_shares"][:, 1]
        names = [name.split(" + ") for name in batch["ids"]]
        if frames == 1:
            assert torch.equal(first, second)
            assert {len(name) for name in names} == {1}
        for sample, name in enumerate(names):
            if len(name) == 2:
                shown = batch["features"][sample]
                assert not torch.equal(shown[0], shown[-1])
        assert batch["mask"].all()
    assert lengths <= {1, 2, 3, 4}
    assert len(lengths) > 1


def test_validation_goes_through_the_photos_in_order(photos):
    batch = photos.validation[0]
    assert batch["ids"] == ["9.png", "10.png", "11.png"]
    assert batch["features"].shape[1] == 1


def test_sounds_are_disturbed_while_training_only(data_folder, make_recipe, lines):
    recipe = make_recipe("audio_pretrain", words__segment_dropout=0.5)
    setup = prepare(recipe, data_folder, broken=BrokenSamples(0), report=lines)
    masks = torch.cat([batch["mask"] for batch in setup.training])
    assert masks[:, 0].all()
    assert not masks.all()
    assert setup.validation[0]["mask"].all()
    assert torch.equal(setup.training[1]["features"], setup.training[1]["features"])
