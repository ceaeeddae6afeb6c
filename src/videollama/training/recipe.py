"""Recipes: everything that decides a training run.

A recipe has one of four shapes, told apart by `stage`:

    sound_encoder                  a classifier of sounds; its trunk becomes the audio encoder
    video_pretrain, audio_pretrain queries learn to name what a clip holds, without the decoder
    instruct                       queries learn to make the frozen decoder answer
    finetune                       any model learns from any annotated files (`finetune_recipe.py`)

The first three build the default model.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["float32", "bfloat16", "float16"]
Stage = Literal["sound_encoder", "video_pretrain", "audio_pretrain", "instruct", "finetune"]


class Section(BaseModel):
    """A part of a recipe: unknown keys and values of a wrong type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ReaderSizes(Section):
    """A Q-Former."""

    hidden_size: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    num_hidden_layers: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    vocab_size: int = Field(default=30522, gt=0)


class EncoderSizes(Section):
    """An EfficientNet-Lite."""

    width_multiplier: float = Field(gt=0)
    depth_multiplier: float = Field(gt=0)
    hidden_size: int = Field(default=1280, gt=0)


class NetworkSection(Section):
    """What the model is made of; the defaults are the shipped default model.

    Attributes:
        decoder: Folder of the decoder; None takes the pulled one.
        vision_weights: safetensors of the image encoder; None takes the pulled ones.
        image_size: Side of the pictures in pixels.
    """

    decoder: str | None = None
    vision_weights: str | None = None
    image_size: int = Field(default=260, gt=0)
    vision_encoder: EncoderSizes = EncoderSizes(width_multiplier=1.1, depth_multiplier=1.2)
    sound_encoder: EncoderSizes = EncoderSizes(width_multiplier=1.0, depth_multiplier=1.0)
    video_reader: ReaderSizes = ReaderSizes(
        hidden_size=384, num_attention_heads=6, num_hidden_layers=2, intermediate_size=1536
    )
    audio_reader: ReaderSizes = ReaderSizes(
        hidden_size=256, num_attention_heads=4, num_hidden_layers=2, intermediate_size=1024
    )
    num_video_query_tokens: int = Field(default=24, gt=0)
    num_audio_query_tokens: int = Field(default=4, gt=0)
    max_frames: int = Field(default=32, gt=0)
    max_segments: int = Field(default=8, gt=0)


class AnyDataSection(Section):
    """What the data of all recipes have.

    Attributes:
        cache: Folder of the frozen encoders' outputs; None: `training` in the product's cache.
        max_broken: So many unreadable samples are skipped and listed; more stop the run.
    """

    cache: str | None = None
    max_broken: int = Field(default=20, ge=0)


class DataSection(AnyDataSection):
    """Where the samples come from; folders are sought below `--data`.

    Attributes:
        num_views: Views of each training photo: whole, mirrored, then random crops.
        num_sound_variants: Variants of each training sound: clean, then disturbed ones.
        max_samples: Only the first so many of each part, for trials.
    """

    photos: str = "flickr8k"
    sounds: str = "esc50"
    train_split: str = "train"
    validation_split: str = "val"
    train_folds: list[str] = ["1", "2", "3"]
    validation_fold: str = "4"
    num_views: int = Field(default=3, ge=1)
    num_sound_variants: int = Field(default=6, ge=1)
    max_samples: int | None = Field(default=None, ge=1)


class TrainingSection(Section):
    """How long and how fast; the learning rate warms up, then falls along a cosine.

    Attributes:
        max_minutes: Stop after so long with a checkpoint; `--resume` goes on.
        max_grad_norm: Gradients are clipped to this length; 0 leaves them.
        final_share: Last learning rate as a share of the highest.
        precision: Of the decoder, and of what is computed; what is trained stays in float32. In
            float16 the loss is scaled, and steps whose gradients overflow are left out.
        keep_checkpoints: Older ones are removed.
        ema_decay: Also keep an exponential moving average of what is trained, which keeps so much
            of itself at each step; validation and result are its.
        early_stop_patience: Stop after so many validations without a lower loss; the result is of
            the best one.
        report_to: Also tell the numbers to these; TensorBoard's are in the run's `tensorboard/`.
    """

    max_steps: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    max_minutes: float | None = Field(default=None, gt=0)
    warmup_steps: int = Field(default=100, ge=0)
    final_share: float = Field(default=0.05, ge=0, le=1)
    weight_decay: float = Field(default=0.05, ge=0)
    beta2: float = Field(default=0.98, gt=0, lt=1)
    max_grad_norm: float = Field(default=1.0, ge=0)
    gradient_accumulation: int = Field(default=1, ge=1)
    precision: Precision = "float32"
    log_every: int = Field(default=25, gt=0)
    validate_every: int = Field(default=300, gt=0)
    validation_samples: int = Field(default=500, ge=1)
    save_every: int = Field(default=100, gt=0)
    keep_checkpoints: int = Field(default=2, ge=1)
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    early_stop_patience: int | None = Field(default=None, ge=1)
    report_to: list[Literal["tensorboard", "wandb", "trackio"]] = []


class SoundSection(Section):
    """The sound classifier.

    Attributes:
        start: "imagenet" begins with an EfficientNet-Lite0 that knows photos; or "random".
        mixup: Parameter of the beta distribution by which two sounds are mixed; 0 mixes none.
        max_gain: Loudness is changed by up to so many nats.
        head_rate: Learning rate of the classifier's last layer, as a multiple.
    """

    start: Literal["imagenet", "random"] = "imagenet"
    mixup: float = Field(default=0.4, ge=0)
    max_gain: float = Field(default=3.0, ge=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    head_rate: float = Field(default=2.0, gt=0)
    batch_norm_momentum: float = Field(default=0.05, gt=0, le=1)


class WordsSection(Section):
    """Naming without the decoder.

    Attributes:
        min_samples: Words of fewer samples are not asked for.
        word_weight: Weight of the words in the loss.
        length_weight: Weight of "as long as a word embedding".
        scale: What cosines are multiplied with at first.
        bias_shift: Added to the log odds of the words, at first.
        scale_rate: Learning rate of these two, as a multiple.
        two_scenes: Share of batches with clips of two scenes; for pictures.
        feature_noise: Relative noise on the features; for sounds.
        segment_dropout: Chance that a segment after the first is hidden; for sounds.
    """

    min_samples: int = Field(default=8, ge=1)
    word_weight: float = Field(default=0.1, ge=0)
    length_weight: float = Field(default=0.2, ge=0)
    scale: float = Field(default=12.0, gt=0)
    bias_shift: float = -2.0
    scale_rate: float = Field(default=3.0, gt=0)
    two_scenes: float = Field(default=0.4, ge=0, le=1)
    feature_noise: float = Field(default=0.15, ge=0)
    segment_dropout: float = Field(default=0.25, ge=0, lt=1)


class ClipsSection(Section):
    """Which clips are composed, and what is asked about them.

    Attributes:
        questions: "captions" asks only for descriptions of pictures and trains only the picture
            branch; "all" asks everything and trains both branches.
        pictures: Share of single pictures; likewise `sounds`, `black` and `one_scene`. What is left
            are clips of two scenes.
        both_orders: Share of those of which only is asked what comes first, and which come a second
            time with the scenes exchanged.
        captions: Captions learned per description of a picture, the most typical ones.
        things: So many things that are there are asked for at most, and as many that are not.
        orders: So many pairs of things of two scenes are asked for at most.
        word_weight: Weight of naming the captions' words, as in `video_pretrain`; 0 leaves it out.
        opening_weight: Weight of a word that decides an answer; other words have 1.
        reward_weight: Weight of CIDEr-D of sampled captions of pictures; 0 samples none.
        samples: Captions sampled of each picture.
        temperature: Of the sampling; at 1 a small decoder's captions are mostly noise.
        sampled_tokens: A sampled caption without an end after so many tokens is worth nothing.
        feature_noise: Relative noise on the sound encoder's outputs.
        segment_dropout: Chance that a segment of sound after the first is hidden.
    """

    questions: Literal["captions", "all"] = "all"
    pictures: float = Field(default=0.42, ge=0, le=1)
    sounds: float = Field(default=0.10, ge=0, le=1)
    black: float = Field(default=0.03, ge=0, le=1)
    one_scene: float = Field(default=0.10, ge=0, le=1)
    both_orders: float = Field(default=0.0, ge=0, le=1)
    captions: int = Field(default=3, ge=1)
    things: int = Field(default=2, ge=0)
    orders: int = Field(default=3, ge=0)
    word_weight: float = Field(default=0.02, ge=0)
    opening_weight: float = Field(default=2.0, gt=0)
    reward_weight: float = Field(default=0.0, ge=0)
    samples: int = Field(default=5, ge=2)
    temperature: float = Field(default=0.6, gt=0)
    sampled_tokens: int = Field(default=24, ge=1)
    feature_noise: float = Field(default=0.1, ge=0)
    segment_dropout: float = Field(default=0.25, ge=0, lt=1)


class AnyRecipe(Section):
    """What all recipes have.

    Attributes:
        stage: What is trained; see the top of this file.
        seed: Of weights, samples and their order.
    """

    stage: Stage
    seed: int = Field(default=0, ge=0)
    data: AnyDataSection
    training: TrainingSection


class Recipe(AnyRecipe):
    """What the recipes of the default model have.

    Attributes:
        start_from: Run folders or weight files of earlier stages, later ones winning.
    """

    start_from: list[str] = []
    network: NetworkSection = NetworkSection()
    data: DataSection = DataSection()


class SoundEncoderRecipe(Recipe):
    """Stage `sound_encoder`."""

    stage: Literal["sound_encoder"]
    sound: SoundSection = SoundSection()


class WordsRecipe(Recipe):
    """Stages `video_pretrain` and `audio_pretrain`."""

    stage: Literal["video_pretrain", "audio_pretrain"]
    words: WordsSection = WordsSection()


class InstructRecipe(Recipe):
    """Stage `instruct`."""

    stage: Literal["instruct"]
    clips: ClipsSection = ClipsSection()
    words: WordsSection = WordsSection()
