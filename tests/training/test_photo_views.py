import numpy as np
import torch
from PIL import Image

from videollama.processing import frame_values
from videollama.training.broken_samples import BrokenSamples
from videollama.training.network import build_model
from videollama.training.photo_views import load_photo_views, photo_view, sentences


def test_captions_become_sentences():
    spoken = ("a man 's hat , red", '" stop " sign is  there !', "two dogs")
    assert sentences(spoken) == ("A man's hat, red.", '"stop" sign is there!')
    assert sentences(("dog .",)) == ("Dog.",)


def test_views_are_the_whole_the_mirrored_and_crops():
    still = torch.arange(40 * 50 * 3).view(40, 50, 3).to(torch.uint8)
    assert torch.equal(photo_view(still, 0, 1), still)
    assert torch.equal(photo_view(still, 1, 1), still.flip(1))
    crop = photo_view(still, 2, 1)
    assert 24 <= crop.shape[0] <= 38
    assert 30 <= crop.shape[1] <= 47.5
    assert torch.equal(crop, photo_view(still, 2, 1))
    assert any(crop.shape != photo_view(still, 2, seed).shape for seed in range(2, 6))


def test_cached_features_are_what_the_model_sees(data_folder, make_recipe, cache, lines):
    recipe = make_recipe("instruct")
    model, _ = build_model(recipe)
    model.eval()
    training, validation = load_photo_views(
        model, data_folder / "flickr8k", recipe.data, cache, broken=BrokenSamples(0), report=lines
    )
    assert (len(training.photos), training.num_views) == (9, 3)
    assert (len(validation.photos), validation.num_views) == (3, 1)
    picture = torch.from_numpy(np.array(Image.open(training.photos[4].path)))
    with torch.no_grad():
        seen = model.encode_frames(frame_values(picture[None], model.config)[None])[0, 0]
        black = model.encode_frames(
            frame_values(torch.zeros_like(picture)[None], model.config)[None]
        )
    cached = torch.from_numpy(np.array(training.features(0, 4))).float()
    torch.testing.assert_close(cached, seen, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(
        torch.from_numpy(training.black).float(), black[0, 0], atol=2e-3, rtol=2e-3
    )
    assert training.captions[0][0] == "A dog runs over the grass."
