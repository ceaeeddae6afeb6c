"""What a Video-LLaMA is made of: one configuration, a sub-configuration per part.

Two compositions share the classes below; `family` names them:

    released   Blip2VisionConfig + image Q-Former + ImageBindConfig + LLaMA 7B/13B
    tiny       EfficientNetLiteConfig twice (picture, sound), no image Q-Former, a small causal LM

`VideoLlamaConfig()` is the released 7B model. Importing this module makes `AutoConfig` know all
three model types.
"""

from copy import deepcopy
from dataclasses import field
from math import ceil
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import (
    AutoConfig,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    PreTrainedConfig,
)
from transformers.configuration_utils import SubConfigSpec

Family = Literal["released", "tiny"]
SubConfig = Any  # a configuration, a dict of its fields until it is built, or None
PromptTemplate = Literal[
    "vicuna", "llama_2", "billa", "ziya", "billa_native", "ziya_native", "chatml", "tokenizer"
]


@strict
class EfficientNetLiteConfig(PreTrainedConfig):
    """EfficientNet-Lite: a convolutional encoder of pictures, or of spectrograms with one channel.

    Args:
        image_size: Side of the square input in pixels; the grid of features has ceil(size / 32)
            cells a side.
        num_channels: 3 for pictures, 1 for log-mel spectrograms.
        width_multiplier: Scales the channels of every block (Lite2: 1.1).
        depth_multiplier: Scales the number of blocks (Lite2: 1.2).
        hidden_size: Channels of the last convolution, which are the features.
    """

    model_type = "efficientnet_lite"
    base_config_key = "vision_config"

    image_size: int = 260
    num_channels: int = 3
    width_multiplier: float = 1.1
    depth_multiplier: float = 1.2
    hidden_size: int = 1280
    batch_norm_eps: float = 1e-3

    @property
    def num_patches(self) -> int:
        """Cells of the feature grid of a picture of `image_size`."""
        return ceil(self.image_size / 32) ** 2


@strict
class ImageBindTrunkConfig(PreTrainedConfig):
    """One of ImageBind's transformers; the defaults are ImageBind-Huge's audio trunk.

    Args:
        hidden_size: Width of the tokens.
        num_hidden_layers: Number of blocks.
        num_attention_heads: Heads per block.
        num_channels: 1 for spectrograms, 3 for pictures.
        num_repeats: How often an input is shown to the first convolution, which is as deep:
            ImageBind treats a picture as a video of two equal frames.
        input_size: Height and width of the input: mel bins x frames of 10 ms, or pixels x pixels.
        patch_size: Side of the square convolution that makes the tokens.
        patch_stride: Its step; smaller than `patch_size` lets patches overlap.
        stem_layer_norm: Whether the patches pass a LayerNorm (eps 1e-5) before positions are added.
        pre_layer_norm: Whether the tokens pass a LayerNorm before the first block.
        bias_kv: Whether every attention has one learned extra key and value.
        drop_path: Stochastic depth of the last block while training; earlier blocks have
            proportionally less.
    """

    model_type = "imagebind_trunk"

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_channels: int = 1
    num_repeats: int = 1
    input_size: tuple[int, int] | list[int] = (128, 204)
    patch_size: int = 16
    patch_stride: int = 10
    stem_layer_norm: bool = True
    pre_layer_norm: bool = False
    bias_kv: bool = True
    drop_path: float = 0.1
    layer_norm_eps: float = 1e-6

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Rows and columns of patches of an input of `input_size`."""
        rows, columns = (
            (length - self.patch_size) // self.patch_stride + 1 for length in self.input_size
        )
        return rows, columns


IMAGEBIND_HUGE_VISION = {
    "hidden_size": 1280,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "num_channels": 3,
    "num_repeats": 2,
    "input_size": (224, 224),
    "patch_size": 14,
    "patch_stride": 14,
    "stem_layer_norm": False,
    "pre_layer_norm": True,
    "bias_kv": False,
    "drop_path": 0.0,
}


@strict
class ImageBindConfig(PreTrainedConfig):
    """ImageBind-Huge's audio trunk, and its vision trunk where it is wanted.

    Args:
        audio_config: The trunk that answers about sound.
        vision_config: The trunk that stands in for it while the audio branch is trained on video
            (the released recipe); `None` leaves its 632 million parameters out.
        hidden_size: Width of the space that both trunks share, and of a segment's embedding.
    """

    model_type = "imagebind"
    base_config_key = "audio_config"
    sub_configs_defaults = {  # noqa: RUF012
        "audio_config": SubConfigSpec(ImageBindTrunkConfig),
        "vision_config": SubConfigSpec(
            ImageBindTrunkConfig, init_kwargs=IMAGEBIND_HUGE_VISION, optional=True
        ),
    }

    audio_config: SubConfig = None
    vision_config: SubConfig = None
    hidden_size: int = 1024


@strict
class VideoLlamaConfig(PreTrainedConfig):
    """The whole model.

    Widths that must agree (what a Q-Former reads) are set here from the parts that write them.

    Args:
        vision_config: `Blip2VisionConfig` (EVA ViT-G/14) or `EfficientNetLiteConfig`.
        image_qformer_config: BLIP-2's Q-Former, run on each frame; `None` projects the grid of
            features instead.
        video_qformer_config: The Q-Former over all frames.
        audio_config: `ImageBindConfig` or `EfficientNetLiteConfig` with one channel; `None` for a
            deaf model.
        audio_qformer_config: The Q-Former over all segments; `None` exactly when `audio_config` is.
        text_config: The decoder, any causal language model of transformers.
        family: "released" reproduces the original, number for number; "tiny" is the default that
            fits in a laptop.
        num_image_query_tokens: Tokens per frame that the image Q-Former writes.
        num_video_query_tokens: Tokens per clip that the decoder reads for the picture.
        num_audio_query_tokens: Tokens per clip that the decoder reads for the sound.
        max_frames: Rows of the frame position table; longer clips interpolate it.
        max_segments: Rows of the segment position table; longer sounds interpolate it.
        prompt_template: How a conversation is written for this decoder.
        languages: Codes of the languages that the decoder knows ("en", "zh"); questions in another
            script are refused. `None` where that is not known: then nothing is refused.
        multi_turn: Whether the model was trained on conversations. Where not, each question is put
            to it without the questions and answers before.
        video_token_id: Placeholder id that a video token replaces; may lie outside the decoder's
            vocabulary.
        audio_token_id: The same for sound.
        audio_scale: What ImageBind's unit-length audio embeddings are multiplied with. The
            original runs with 20 although its audio branch was trained on vision embeddings of
            length 1; set 1.0 to undo that.
    """

    model_type = "video_llama"
    sub_configs_defaults = {  # noqa: RUF012
        "vision_config": SubConfigSpec(AutoConfig, model_type="blip_2_vision_model"),
        "image_qformer_config": SubConfigSpec(Blip2QFormerConfig, optional=True),
        "video_qformer_config": SubConfigSpec(Blip2QFormerConfig),
        "audio_config": SubConfigSpec(AutoConfig, model_type="imagebind", optional=True),
        "audio_qformer_config": SubConfigSpec(Blip2QFormerConfig, optional=True),
        "text_config": SubConfigSpec(AutoConfig, model_type="llama"),
    }

    vision_config: SubConfig = None
    image_qformer_config: SubConfig = field(default_factory=dict)
    video_qformer_config: SubConfig = None
    audio_config: SubConfig = field(default_factory=dict)
    audio_qformer_config: SubConfig = None
    text_config: SubConfig = None
    family: Family = "released"
    num_image_query_tokens: int = 32
    num_video_query_tokens: int = 32
    num_audio_query_tokens: int = 8
    max_frames: int = 32
    max_segments: int = 8
    prompt_template: PromptTemplate = "vicuna"
    languages: tuple[str, ...] | list[str] | None = None
    multi_turn: bool = True
    video_token_id: int = 32000
    audio_token_id: int = 32001
    audio_scale: float = 20.0
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: object) -> None:
        two_layers = {"num_hidden_layers": 2, "cross_attention_frequency": 1}
        if self.video_qformer_config is None:
            self.video_qformer_config = dict(two_layers)
        if self.audio_config is None:
            self.audio_qformer_config = None
        elif self.audio_qformer_config is None:
            self.audio_qformer_config = dict(two_layers)
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        self._join_widths()

    def _join_widths(self) -> None:
        """Let every Q-Former read vectors as wide as the part before it writes them."""
        for name in ("image_qformer_config", "video_qformer_config", "audio_qformer_config"):
            setattr(self, name, deepcopy(getattr(self, name)))  # the caller keeps the one given
        if self.image_qformer_config is not None:
            self.image_qformer_config.encoder_hidden_size = self.vision_config.hidden_size
        self.video_qformer_config.encoder_hidden_size = self.frame_token_size
        if self.audio_qformer_config is not None:
            self.audio_qformer_config.encoder_hidden_size = self.audio_config.hidden_size

    @property
    def frame_token_size(self) -> int:
        """Width of the tokens of a frame, as the Video Q-Former reads them."""
        source = self.image_qformer_config or self.video_qformer_config
        return source.hidden_size

    @property
    def num_patches(self) -> int:
        """Feature vectors per frame that the vision encoder gives."""
        vision = self.vision_config
        if vision.model_type == Blip2VisionConfig.model_type:
            return (vision.image_size // vision.patch_size) ** 2 + 1
        return vision.num_patches


AutoConfig.register("efficientnet_lite", EfficientNetLiteConfig)
AutoConfig.register("imagebind_trunk", ImageBindTrunkConfig)
AutoConfig.register("imagebind", ImageBindConfig)
AutoConfig.register("video_llama", VideoLlamaConfig)
