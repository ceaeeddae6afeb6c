"""ImageBind's audio and vision trunks: one embedding per spectrogram or picture, in a shared space.

Source: Girdhar et al., ImageBind (arXiv 2305.05665); transformers has no implementation. Unusual:
    the audio patches
overlap, and every audio attention has one learned key and value that belongs to no token.

Letters: B inputs, C channels, H W their height and width, P patches, D width, Do width of the
    shared space.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization
from transformers.modeling_layers import GradientCheckpointingLayer

from videollama.configuration import ImageBindConfig, ImageBindTrunkConfig
from videollama.errors import InputError

STEM_LAYER_NORM_EPS = 1e-5


class ImageBindAttention(nn.Module):
    """Self-attention, with one learned extra key and value where `config.bias_kv`."""

    def __init__(self, config: ImageBindTrunkConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.num_heads = config.num_attention_heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.extra_key = nn.Parameter(torch.empty(1, 1, width)) if config.bias_kv else None
        self.extra_value = nn.Parameter(torch.empty(1, 1, width)) if config.bias_kv else None

    def forward(self, tokens: Tensor) -> Tensor:
        """Mixes tokens, `(B, P, D)` to `(B, P, D)`."""
        query, key, value = self.query_key_value(tokens).chunk(3, dim=-1)
        if self.extra_key is not None and self.extra_value is not None:
            key = torch.cat((key, self.extra_key.expand(len(key), -1, -1)), dim=1)
            value = torch.cat((value, self.extra_value.expand(len(value), -1, -1)), dim=1)
        query, key, value = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for part in (query, key, value)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.projection(mixed.transpose(1, 2).flatten(2))


class ImageBindBlock(GradientCheckpointingLayer):
    """Attention and a two-layer perceptron, each after a LayerNorm and beside a shortcut."""

    def __init__(self, config: ImageBindTrunkConfig, drop_path: float) -> None:
        super().__init__()
        width = config.hidden_size
        self.drop_path = drop_path
        self.attention_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.attention = ImageBindAttention(config)
        self.mlp_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Mixes tokens, `(B, P, D)` to `(B, P, D)`."""
        tokens = tokens + self._drop(self.attention(self.attention_norm(tokens)))
        return tokens + self._drop(self.mlp(self.mlp_norm(tokens)))

    def _drop(self, change: Tensor) -> Tensor:
        """While training, leave the change out for some inputs (stochastic depth)."""
        if not self.training or self.drop_path == 0.0:
            return change
        keep = 1.0 - self.drop_path
        kept = torch.rand(len(change), 1, 1, device=change.device) < keep
        return change * kept.to(change) / keep


class ImageBindTrunk(nn.Module):
    """A transformer over patches, read out at its class token."""

    def __init__(self, config: ImageBindTrunkConfig, output_size: int) -> None:
        super().__init__()
        self.config = config
        width, norm_eps = config.hidden_size, config.layer_norm_eps
        rows, columns = config.patch_grid
        self.patch_embedding = patch_convolution(config)
        self.stem_norm = (
            nn.LayerNorm(width, eps=STEM_LAYER_NORM_EPS)
            if config.stem_layer_norm
            else nn.Identity()
        )
        self.class_token = nn.Parameter(torch.empty(1, 1, width))
        self.position_embedding = nn.Parameter(torch.empty(1, 1 + rows * columns, width))
        self.pre_norm = (
            nn.LayerNorm(width, eps=norm_eps) if config.pre_layer_norm else nn.Identity()
        )
        last = max(config.num_hidden_layers - 1, 1)
        self.blocks = nn.ModuleList(
            ImageBindBlock(config, config.drop_path * number / last)
            for number in range(config.num_hidden_layers)
        )
        self.norm = nn.LayerNorm(width, eps=norm_eps)
        self.projection = nn.Linear(width, output_size, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed spectrograms or pictures.

        Args:
            inputs: Normalised, `(B, C, H, W)`.

        Returns:
            Embeddings of length 1 in the shared space, `(B, Do)`.
        """
        return functional.normalize(self.projection(self.class_features(inputs)), dim=-1)

    def class_features(self, inputs: Tensor) -> Tensor:
        """What the class token knows at the end, before projection: `(B, C, H, W)` to `(B, D)`."""
        tokens = self.pre_norm(self.embed_patches(inputs))
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens[:, 0])

    def embed_patches(self, inputs: Tensor) -> Tensor:
        """Class token and patches with their positions: `(B, C, H, W)` to `(B, 1 + P, D)`."""
        if self.config.num_repeats > 1:
            inputs = inputs.unsqueeze(2).expand(-1, -1, self.config.num_repeats, -1, -1)
        patches = self.stem_norm(self.patch_embedding(inputs).flatten(2).transpose(1, 2))
        tokens = torch.cat((self.class_token.expand(len(patches), -1, -1), patches), dim=1)
        return tokens + self._positions(patches.shape[1]).to(tokens)

    def _positions(self, num_patches: int) -> Tensor:
        """The learned positions, resized where a square input has another number of patches.

        Raises:
            InputError: The input is not square, and not as large as configured.
        """
        positions = self.position_embedding
        rows, columns = self.config.patch_grid
        if num_patches == rows * columns:
            return positions
        if rows != columns:
            raise InputError(
                f"A spectrogram of {num_patches} patches does not fit ImageBind's "
                f"{rows} x {columns}; cut or pad it to {self.config.input_size} first."
            )
        grid = positions[:, 1:].reshape(1, rows, columns, -1).permute(0, 3, 1, 2)
        scale = math.sqrt(num_patches / (rows * columns))
        resized = functional.interpolate(grid.float(), scale_factor=scale, mode="bicubic")
        return torch.cat((positions[:, :1], resized.flatten(2).transpose(1, 2)), dim=1)


class ImageBind(nn.Module):
    """The trunks that Video-LLaMA uses: sound; pictures too where training lets them stand in."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.audio = ImageBindTrunk(config.audio_config, config.hidden_size)
        self.vision = None
        if config.vision_config is not None:
            self.vision = ImageBindTrunk(config.vision_config, config.hidden_size)


def patch_convolution(config: ImageBindTrunkConfig) -> nn.Module:
    """The convolution that makes patches; one dimension more where inputs are repeated."""
    size, stride = config.patch_size, config.patch_stride
    if config.num_repeats == 1:
        return nn.Conv2d(config.num_channels, config.hidden_size, size, stride, bias=False)
    kernel = (config.num_repeats, size, size)
    step = (config.num_repeats, stride, stride)
    return nn.Conv3d(config.num_channels, config.hidden_size, kernel, step, bias=False)


def init_imagebind_weights(module: nn.Module, std: float) -> None:
    """Initialise the bare parameters of this file's modules; layers are transformers' business."""
    if isinstance(module, ImageBindTrunk | ImageBindAttention):
        for parameter in module.parameters(recurse=False):
            initialization.normal_(parameter, std=std)
