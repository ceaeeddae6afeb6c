"""ImageBind's space of words, pictures and sounds: what belongs together lies close.

Source: Girdhar et al., ImageBind (arXiv 2305.05665). Its text trunk is CLIP's with exact GELU, so
transformers' is used; it is read out at the token of the highest id, which ends a text.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from videollama.configuration import ImageBindTrunkConfig
from videollama.model.imagebind import ImageBindTrunk

_HIGHEST_ID = 2  # transformers' sign for CLIP models that are read out there


class JointSpace(nn.Module):
    """The trunks that search needs.

    Args:
        text_config: Sizes of the text trunk.
        picture_config: Sizes of the vision trunk.
        sound: The audio trunk, which a released model has already.

    Attributes:
        width: Length of a vector, Do.
    """

    def __init__(
        self,
        text_config: CLIPTextConfig,
        picture_config: ImageBindTrunkConfig,
        sound: ImageBindTrunk,
    ) -> None:
        super().__init__()
        self.text = CLIPTextModelWithProjection(text_config)
        self.width: int = sound.projection.out_features
        self.picture = ImageBindTrunk(picture_config, self.width)
        self.sound = sound

    @torch.inference_mode()
    def of_text(self, token_ids: Tensor) -> Tensor:
        """Embeds a text: ids `(L,)`, L up to 77, to float32 `(Do,)` of length 1."""
        ids = token_ids[None].to(self.text.device)
        return normalize(self.text(input_ids=ids).text_embeds[0].float(), dim=0).cpu()

    @torch.inference_mode()
    def of_frames(self, pixel_values: Tensor) -> Tensor:
        """Embeds a clip by the mean of its frames `(T, C, H, W)`: float32 `(Do,)` of length 1."""
        return _mean(self.picture, pixel_values)

    @torch.inference_mode()
    def of_segments(self, audio_values: Tensor) -> Tensor:
        """Embeds a sound by the mean of its segments `(S, 1, M, F)`: float32 `(Do,)`, length 1."""
        return _mean(self.sound, audio_values)


def text_config(
    *, vocab_size: int, hidden_size: int, num_hidden_layers: int, num_heads: int, width: int
) -> CLIPTextConfig:
    """ImageBind's text trunk as transformers describes it.

    Args:
        vocab_size: 49,408.
        hidden_size: 1,024 in ImageBind-Huge.
        num_hidden_layers: 24 there.
        num_heads: 16 there.
        width: Of the shared space.
    """
    return CLIPTextConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        intermediate_size=4 * hidden_size,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_heads,
        max_position_embeddings=77,
        hidden_act="gelu",
        layer_norm_eps=1e-6,
        projection_dim=width,
        eos_token_id=_HIGHEST_ID,
    )


def _mean(trunk: ImageBindTrunk, inputs: Tensor) -> Tensor:
    weight = trunk.projection.weight
    found = trunk(inputs.to(weight.device, weight.dtype))
    return normalize(found.float().mean(dim=0), dim=0).cpu()
