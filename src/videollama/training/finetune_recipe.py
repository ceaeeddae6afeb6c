"""The recipe that trains any model on any annotated files: stage `finetune`."""

from typing import Literal

from pydantic import Field

from videollama.training.recipe import AnyDataSection, AnyRecipe, Section, TrainingSection


class ModelSection(Section):
    """What is trained.

    Attributes:
        load: What `VideoLlama.load` takes; None is the built-in model.
        decoder: Folder of another language model to put in place of the loaded one's; for
            `--dry-run` also "7B" or "13B". It needs a new branch, of pictures or both.
        branch: Which Q-Former learns, with its queries, positions and projection.
        new_branch: Start that branch anew instead of from the loaded weights.
        quantization: Hold the decoder's linear layers in so few bits (QLoRA with `lora`).
    """

    load: str | None = None
    decoder: str | None = None
    branch: Literal["video", "audio", "both"] = "both"
    new_branch: bool = False
    quantization: Literal["8-bit", "4-bit"] | None = None


class LoraSection(Section):
    """Low-rank changes of the decoder (LoRA, arXiv 2106.09685), learned beside the branch.

    Attributes:
        rank: Of the change of each layer.
        alpha: The change counts alpha / rank times.
        dropout: On what the change reads.
        target_modules: Ends of the names of the decoder's linear layers that change.
    """

    rank: int = Field(default=16, gt=0)
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    target_modules: list[str] = Field(
        default=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        min_length=1,
    )


class SourceSection(Section):
    """Annotated files, in any format of docs/data.md.

    Attributes:
        path: A folder or a file, below `--data`.
        media: Folder of the media, below `--data`; None: beside the annotations.
        weight: How often samples are taken, relative to the other sources; None everywhere takes
            each sample once in an epoch.
    """

    path: str
    media: str | None = None
    weight: float | None = Field(default=None, gt=0)


class OwnDataSection(AnyDataSection):
    """Which samples are learned, and which are held out.

    Attributes:
        sources: Where the samples are.
        train_split: Samples of this split are learned.
        validation_split: Samples of this one, in the same sources, are held out.
        validation: Further sources, all of whose samples are held out.
        validation_share: If no sample is held out so, this share of the files is; samples about
            one file stay together.
        keep_features: Keep what the frozen encoders give on disk, so that every file is encoded
            once.
    """

    sources: list[SourceSection] = Field(default=[SourceSection(path=".")], min_length=1)
    train_split: str = "train"
    validation_split: str = "val"
    validation: list[SourceSection] = Field(default=[])
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    keep_features: bool = True


class SamplesSection(Section):
    """How a sample is shown.

    Attributes:
        num_frames: Frames of a video.
        frames: "uniform" spreads them evenly; "headtail" draws half of them from each half, other
            ones at every pass, so that no features can be kept.
        sound: What the audio branch gets: the sound of the "file"; its "frames" through ImageBind's
            vision trunk, as the original trains it; or nothing ("none").
        caption_prompts: One of these is drawn as the question of a sample that has none. Without
            any, the released families show the picture alone, as in the original's first stage,
            and others ask for a description.
        original_masks: Learn from exactly the tokens that the original does; False learns the
            answers and what ends them. Of the released families only.
        max_tokens: Longer conversations are cut on the right.
        max_caption_tokens: Likewise captions with their end, in the released families.
    """

    num_frames: int = Field(default=8, gt=0)
    frames: Literal["uniform", "headtail"] = "uniform"
    sound: Literal["file", "frames", "none"] = "file"
    caption_prompts: list[str] = Field(default=[])
    original_masks: bool = False
    max_tokens: int = Field(default=512, gt=0)
    max_caption_tokens: int = Field(default=32, gt=0)


class FinetuneTraining(TrainingSection):
    """As in all recipes, but the number of steps may follow from the data.

    Attributes:
        max_steps: Steps; 0: as many as `epochs` take.
        epochs: An epoch takes as many samples as all sources together have.
        gradient_checkpointing: Keep only what goes into the decoder's layers, and compute the rest
            once more on the way back: less memory, and steps that take about a third longer.
        fsdp: Spread weights, gradients and optimizer over the processes, for decoders that do not
            fit into one device.
        sample_every: Steps after which some held-out questions are answered, for people; 0: never.
            Of samples with one question.
        samples_shown: So many.
    """

    max_steps: int = Field(default=0, ge=0)
    epochs: float = Field(default=3.0, gt=0)
    validate_every: int = Field(default=100, gt=0)
    gradient_checkpointing: bool = False
    fsdp: bool = False
    sample_every: int = Field(default=0, ge=0)
    samples_shown: int = Field(default=4, ge=1)


class FinetuneRecipe(AnyRecipe):
    """Stage `finetune`."""

    stage: Literal["finetune"]
    model: ModelSection = ModelSection()
    lora: LoraSection | None = None
    data: OwnDataSection = OwnDataSection()
    samples: SamplesSection = SamplesSection()
    training: FinetuneTraining
