import pytest
import torch

from videollama.configuration import EfficientNetLiteConfig
from videollama.model.efficientnet_lite import EfficientNetLite
from videollama.model.onnx_encoder import OnnxEncoder


@pytest.mark.parametrize(
    ("channels", "size"), [(3, (64, 64)), (3, (65, 90)), (1, (128, 204)), (3, (260, 260))]
)
def test_features_are_those_of_the_encoder(channels, size):
    torch.manual_seed(0)
    config = EfficientNetLiteConfig(
        num_channels=channels, width_multiplier=0.5, depth_multiplier=1.2, hidden_size=48
    )
    encoder = EfficientNetLite(config).eval()
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.bias, std=0.5)
    pixels = torch.randn(2, channels, *size)
    with torch.no_grad():
        wanted = encoder(pixels)
    assert wanted.abs().max() > 0.1
    fast = OnnxEncoder(encoder)
    torch.testing.assert_close(fast(pixels), wanted, atol=1e-5, rtol=1e-4)
    assert {f"encoder.{name}" for name in encoder.state_dict()} == set(fast.state_dict())
