"""From a recipe of the default model to a trainer's needs: data, features, objective, batches."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from videollama.checkpoints.cache import cache_folder
from videollama.errors import DataError
from videollama.media.sound_labels import SOUND_LABELS
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.training.branched_answers import BranchedAnswers
from videollama.training.broken_samples import BrokenSamples
from videollama.training.caption_rewards import CaptionRewards
from videollama.training.clip_batches import ClipBatches, PromptTree
from videollama.training.clip_mixture import ClipMixture, Material
from videollama.training.feature_cache import Report
from videollama.training.join import join_stages, missing_parts
from videollama.training.network import build_model, build_sound_encoder, handed_on
from videollama.training.photo_views import PhotoViews, load_photo_views
from videollama.training.projection_start import (
    start_frame_positions,
    start_frame_projection,
)
from videollama.training.recipe import (
    InstructRecipe,
    Recipe,
    SoundEncoderRecipe,
    WordsRecipe,
    WordsSection,
)
from videollama.training.setup import Setup
from videollama.training.sound_classifier import SoundBatches, SoundClassifier, SoundValidation
from videollama.training.sound_features import SoundFeatures, load_sound_features
from videollama.training.sound_spectra import load_sound_spectra
from videollama.training.stages import belongs_to, trained_parts
from videollama.training.vocabulary import Vocabulary, build_vocabulary
from videollama.training.word_batches import PhotoWords, SoundWords
from videollama.training.word_matching import WordMatching, WordNaming

if TYPE_CHECKING:
    from videollama.training.batches import Batches


def prepare(recipe: Recipe, data: Path, *, broken: BrokenSamples, report: Report) -> Setup:
    """Read the data, fill the caches, and build objective and batches of a recipe."""
    if isinstance(recipe, SoundEncoderRecipe):
        return _prepare_sound_encoder(recipe, data, broken, report)
    if isinstance(recipe, WordsRecipe):
        return _prepare_words(recipe, data, broken, report)
    if isinstance(recipe, InstructRecipe):
        return _prepare_instruct(recipe, data, broken, report)
    raise TypeError(f"{type(recipe).__name__} is no recipe of a stage")


def _prepare_sound_encoder(
    recipe: SoundEncoderRecipe, data: Path, broken: BrokenSamples, report: Report
) -> Setup:
    training, validation = load_sound_spectra(
        data / recipe.data.sounds, recipe.data, _cache(recipe), broken=broken, report=report
    )
    classes = sorted({sound.label for sound in training.sounds})
    encoder = build_sound_encoder(recipe, from_imagenet=recipe.sound.start == "imagenet")
    size = recipe.training.batch_size
    return Setup(
        objective=SoundClassifier(encoder, len(classes), recipe.sound),
        training=SoundBatches(
            training,
            classes,
            recipe.sound,
            batch_size=size,
            length=_num_batches(recipe),
            seed=recipe.seed,
        ),
        validation=SoundValidation(
            validation, classes, batch_size=size, limit=recipe.training.validation_samples
        ),
        counts=_counts(sounds=training.sounds, validation_sounds=validation.sounds),
        **_common(recipe, None),
    )


def _prepare_words(recipe: WordsRecipe, data: Path, broken: BrokenSamples, report: Report) -> Setup:
    model, processor = build_model(recipe)
    is_new = not any(belongs_to(n, trained_parts(recipe)) for n in handed_on(recipe.start_from))
    batches: list[Batches] = []
    if recipe.stage == "video_pretrain":
        photos = _photos(model, recipe, data, broken, report)
        objective, shares = _naming(model, processor, recipe, [p.captions for p in photos])
        if is_new:
            start_frame_projection(model, photos[0], shares[0])
            start_frame_positions(model)
        counts = _counts(photos=photos[0].photos, validation_photos=photos[1].photos)
        for part, share, options in zip(
            photos, shares, _both(recipe, photos[1].photos), strict=True
        ):
            batches.append(PhotoWords(part, share, recipe.words, **options))
    else:
        sounds = _sounds(model, recipe, data, broken, report)
        said = [[_spoken(sound.label) for sound in part.sounds] for part in sounds]
        objective, shares = _naming(model, processor, recipe, said)
        counts = _counts(sounds=sounds[0].sounds, validation_sounds=sounds[1].sounds)
        for heard, share, options in zip(
            sounds, shares, _both(recipe, sounds[1].sounds), strict=True
        ):
            batches.append(SoundWords(heard, share, recipe.words, **options))
    if is_new:
        objective.start_at_word_length()
    return Setup(objective, batches[0], batches[1], counts, **_common(recipe, processor))


def _naming(
    model: VideoLlamaForConditionalGeneration,
    processor: VideoLlamaProcessor,
    recipe: WordsRecipe,
    said: Sequence[Sequence[tuple[str, ...]]],
) -> tuple[WordMatching, list[Tensor]]:
    """The objective, and the words of each sample of both parts, `(samples, W)` each."""
    vocabulary = _vocabulary(model, processor, said[0], recipe.words)
    branch: Literal["video", "audio"] = "video" if recipe.stage == "video_pretrain" else "audio"
    shares = _word_shares(vocabulary, said)
    return WordMatching(model, branch, vocabulary, recipe.words), shares


def _naming_beside(
    model: VideoLlamaForConditionalGeneration,
    processor: VideoLlamaProcessor,
    recipe: InstructRecipe,
    photos: Sequence[PhotoViews],
) -> tuple[WordNaming | None, Sequence[Tensor | None]]:
    """What names the words beside the answers, and the words of both parts; or nothing."""
    if not recipe.clips.word_weight:
        return None, (None, None)
    vocabulary = _vocabulary(model, processor, photos[0].captions, recipe.words)
    shares = _word_shares(vocabulary, [part.captions for part in photos])
    return WordNaming(vocabulary, recipe.words.scale, recipe.words.bias_shift), shares


def _word_shares(vocabulary: Vocabulary, said: Sequence[Sequence[tuple[str, ...]]]) -> list[Tensor]:
    """The words of each sample of both parts, `(samples, W)` each."""
    return [torch.stack([vocabulary.word_shares(each) for each in part]) for part in said]


def _vocabulary(
    model: VideoLlamaForConditionalGeneration,
    processor: VideoLlamaProcessor,
    captions: Sequence[tuple[str, ...]],
    options: WordsSection,
) -> Vocabulary:
    return build_vocabulary(
        captions,
        model.language_model.get_input_embeddings().weight.detach(),
        processor.tokenizer,
        min_samples=options.min_samples,
    )


def _both(recipe: Recipe, validation: Sequence[object]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the training and of the validation batches."""
    size = recipe.training.batch_size
    common = {"batch_size": size, "seed": recipe.seed}
    shown = -(-min(len(validation), recipe.training.validation_samples) // size)
    return (
        {**common, "length": _num_batches(recipe)},
        {**common, "length": shown, "shuffled": False},
    )


def _prepare_instruct(
    recipe: InstructRecipe, data: Path, broken: BrokenSamples, report: Report
) -> Setup:
    model, processor = build_model(recipe)
    photos = _photos(model, recipe, data, broken, report)
    sounds: tuple[SoundFeatures | None, SoundFeatures | None] = (None, None)
    if recipe.clips.questions == "all":
        sounds = _sounds(model, recipe, data, broken, report)
    tree = PromptTree(processor)
    naming, shares = _naming_beside(model, processor, recipe, photos)
    model.language_model.to(getattr(torch, recipe.training.precision))
    size = recipe.training.batch_size
    shown = recipe.training.validation_samples
    batches = []
    for seen, heard, share, length, noisy in (
        (photos[0], sounds[0], shares[0], _num_batches(recipe), True),
        (photos[1], sounds[1], shares[1], -(-shown // size), False),
    ):
        material = Material(
            captions=seen.captions,
            labels=[] if heard is None else [sound.label for sound in heard.sounds],
            num_views=seen.num_views,
            num_variants=1 if heard is None else heard.num_variants,
        )
        mixture = ClipMixture(material, recipe.clips, recipe.seed)
        batches.append(
            ClipBatches(
                mixture,
                tree,
                seen,
                heard,
                recipe.clips,
                word_shares=share,
                batch_size=size,
                length=length,
                seed=recipe.seed,
                noisy=noisy,
            )
        )
    counted: dict[str, Sequence[object]] = {
        "photos": photos[0].photos,
        "validation_photos": photos[1].photos,
    }
    if sounds[0] is not None and sounds[1] is not None:
        counted |= {"sounds": sounds[0].sounds, "validation_sounds": sounds[1].sounds}
    return Setup(
        objective=BranchedAnswers(
            model,
            trained_parts(recipe),
            tree.common_ids,
            opening_weight=recipe.clips.opening_weight,
            naming=naming,
            word_weight=recipe.clips.word_weight,
            rewards=_rewards(recipe, processor, tree, photos[0].captions),
            reward_weight=recipe.clips.reward_weight,
        ),
        training=batches[0],
        validation=batches[1],
        counts=_counts(**counted),
        **_common(recipe, processor),
    )


def _rewards(
    recipe: InstructRecipe,
    processor: VideoLlamaProcessor,
    tree: PromptTree,
    captions: Sequence[tuple[str, ...]],
) -> CaptionRewards | None:
    if not recipe.clips.reward_weight:
        return None
    return CaptionRewards(processor, tree, captions, recipe.clips)


def _photos(
    model: VideoLlamaForConditionalGeneration,
    recipe: Recipe,
    data: Path,
    broken: BrokenSamples,
    report: Report,
) -> tuple[PhotoViews, PhotoViews]:
    folder = data / recipe.data.photos
    return load_photo_views(
        model, folder, recipe.data, _cache(recipe), broken=broken, report=report
    )


def _sounds(
    model: VideoLlamaForConditionalGeneration,
    recipe: Recipe,
    data: Path,
    broken: BrokenSamples,
    report: Report,
) -> tuple[SoundFeatures, SoundFeatures]:
    folder = data / recipe.data.sounds
    spectra = load_sound_spectra(folder, recipe.data, _cache(recipe), broken=broken, report=report)
    labels = {sound.label for part in spectra for sound in part.sounds}
    if unknown := sorted(labels - set(SOUND_LABELS)):
        raise DataError(f"{folder} holds the label {unknown[0]!r}, which no sentence is known for.")
    return load_sound_features(
        model,
        spectra,
        recipe.data.num_sound_variants,
        _cache(recipe),
        broken=broken,
        report=report,
    )


def _spoken(label: str) -> tuple[str, ...]:
    """A sound's name as a caption."""
    return (f"{SOUND_LABELS[label].phrase}.",)


def _common(recipe: Recipe, processor: VideoLlamaProcessor | None) -> dict[str, Any]:
    """What is set up alike; the sound encoder, which is no model yet, has no processor."""

    def join(weights: Mapping[str, Tensor], folder: Path) -> Path | None:
        if processor is None or missing_parts(weights):
            return None
        join_stages(processor, [weights], folder)
        return folder

    return {
        "options": recipe.training,
        "write_model": join,
        "earlier": handed_on(recipe.start_from),
    }


def _cache(recipe: Recipe) -> Path:
    chosen = recipe.data.cache
    return cache_folder() / "training" if chosen is None else Path(chosen)


def _num_batches(recipe: Recipe) -> int:
    """Batches of the whole run, with room for several processes."""
    from accelerate import PartialState

    training = recipe.training
    return training.max_steps * training.gradient_accumulation * PartialState().num_processes


def _counts(**parts: Sequence[object]) -> dict[str, int]:
    return {name: len(samples) for name, samples in parts.items()}
