import pytest
import torch
from torch.nn.functional import conv2d, pad

from videollama.configuration import EfficientNetLiteConfig
from videollama.model.efficientnet_lite import (
    EfficientNetLite,
    SameConv2d,
    fold_batch_norms,
    map_efficientnet_lite_keys,
    spectrogram_stem,
)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    config = EfficientNetLiteConfig(
        image_size=64, width_multiplier=0.25, depth_multiplier=0.25, hidden_size=24
    )
    encoder = EfficientNetLite(config)
    encoder.train()(torch.randn(4, 3, 64, 64))  # gives the norms means and variances of their own
    return encoder.eval()


def test_a_picture_becomes_a_grid_of_features(encoder):
    features = encoder(torch.randn(2, 3, 64, 96))
    assert features.shape == (2, 2 * 3, 24)
    assert features.min() >= 0


def test_folding_the_norms_changes_nothing_but_the_time(encoder):
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    folded = fold_batch_norms(encoder)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(folded(pixels), encoder(pixels), atol=1e-4, rtol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert all(torch.equal(tensor, before[n]) for n, tensor in encoder.state_dict().items())


def test_uneven_padding_goes_to_the_bottom_and_the_right():
    torch.manual_seed(0)
    convolution = SameConv2d(1, 1, 3, 2)
    picture = torch.randn(1, 1, 8, 8)
    expected = conv2d(pad(picture, (0, 1, 0, 1)), convolution.weight, stride=2)
    torch.testing.assert_close(convolution(picture), expected)


def test_published_names_become_ours(encoder):
    layers = {"stem.0": "_conv_stem", "stem.1": "_bn0", "head.0": "_conv_head", "head.1": "_bn1"}
    inner = {
        "expand.0": "_expand_conv", "expand.1": "_bn0",
        "depthwise.0": "_depthwise_conv", "depthwise.1": "_bn1",
        "project.0": "_project_conv", "project.1": "_bn2",
    }  # fmt: skip
    published = {"_fc.weight": torch.zeros(1)}
    for name, tensor in encoder.state_dict().items():
        *path, last = name.split(".")
        if path[0] == "blocks":
            published[f"_blocks.{path[1]}.{inner['.'.join(path[2:])]}.{last}"] = tensor
        else:
            published[f"{layers['.'.join(path)]}.{last}"] = tensor
    mapped = map_efficientnet_lite_keys(published)
    assert mapped.keys() == encoder.state_dict().keys()
    assert all(torch.equal(mapped[n], tensor) for n, tensor in encoder.state_dict().items())


def test_a_stem_for_one_channel_sees_grey_as_the_old_one_did():
    torch.manual_seed(0)
    weight, grey = torch.randn(4, 3, 3, 3), torch.randn(1, 1, 8, 8)
    old = conv2d(grey.expand(-1, 3, -1, -1), weight)
    torch.testing.assert_close(conv2d(grey, spectrogram_stem(weight)), old, atol=1e-5, rtol=1e-5)
